import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildProbe, compile, fixture, NATIVE, NODE_LINES, nodeBinary, runProbe, scratch } from './helpers/js-probe.ts';

const [KNOWN_LAYOUT, UNKNOWN_LAYOUT, FUNCTIONS_ONLY] = [1, 2, 3];
const KINDS = fixture('function-kinds.cjs');

const directory = scratch();
let probe = '';
beforeAll(() => {
  probe = buildProbe(directory.path);
});
afterAll(directory.dispose);

describe('a V8 that we do not know', () => {
  test.each(NODE_LINES)('Node %i without symbols: no JavaScript frames, all counted, nothing else changes', (line) => {
    const { stats, stacks, stdout } = runProbe(probe, [nodeBinary(line), KINDS], { JS_PROBE_HIDE: 'v8dbg_class_Map' });
    expect(JSON.parse(stdout)).toMatchObject({ kept: expect.any(Number) });
    expect(stats).toMatchObject({ state: UNKNOWN_LAYOUT, jsFrames: 0 });
    expect(stats.unknown).toBeGreaterThan(stacks.size);
  });

  test.each(NODE_LINES)('Node %i without a symbol that lines need: functions, but no positions', (line) => {
    const hidden = line === 20 ? 'v8dbg_type_Code__' : 'v8dbg_class_BytecodeArray__data';
    const { stats, stacks } = runProbe(probe, [nodeBinary(line), KINDS], { JS_PROBE_HIDE: hidden });
    expect(stats).toMatchObject({ state: FUNCTIONS_ONLY, positions: false });
    expect(stacks.get(2)?.map((frame) => frame.name)).toContain('plain');
    expect([...stacks.values()].flat().every((frame) => frame.position === -1)).toBe(true);
  });

  test.each(NODE_LINES)('Node %i with type tags that mean something else: nothing decodes, nothing crashes', (line) => {
    const { stats } = runProbe(probe, [nodeBinary(line), KINDS], { JS_PROBE_SHIFT: 'v8dbg_type_=1' });
    expect(stats).toMatchObject({ state: UNKNOWN_LAYOUT, jsFrames: 0 });
    expect(stats.unknown).toBeGreaterThan(0);
  });
});

describe('a V8 that is not what it says, found out by its first frames', () => {
  /** Frames while Node starts: more than the self-test takes. */
  const EARLY = { JS_PROBE_ALL: '500' };
  const OTHER_VERSION = { 20: '12.4', 22: '11.3', 24: '14.6', 26: '13.6' };
  const lies = NODE_LINES.flatMap((line) => [
    { line, lie: 'the layout of another version', environment: { JS_PROBE_VERSION: OTHER_VERSION[line] } },
    { line, lie: 'bytecodes 8 bytes further', environment: { JS_PROBE_SHIFT: 'v8dbg_class_BytecodeArray__data=8' } },
  ]);

  test('as it is, it passes', () => {
    const { stats, stacks } = runProbe(probe, [nodeBinary(24), KINDS], EARLY);
    expect(stats).toMatchObject({ state: KNOWN_LAYOUT, positions: true, unknown: 0 });
    expect(stacks.get(2)?.every((frame) => frame.position >= frame.start && frame.position <= frame.end)).toBe(true);
  });

  test.each(lies)('Node $line, $lie: functions with their names, and no line at all', ({ line, environment }) => {
    const { stats, stacks, stdout } = runProbe(probe, [nodeBinary(line), KINDS], { ...EARLY, ...environment });
    expect(JSON.parse(stdout)).toMatchObject({ kept: expect.any(Number) });
    expect(stats).toMatchObject({ state: FUNCTIONS_ONLY, unknown: 0 });
    expect(stacks.get(2)?.map((frame) => frame.name)).toContain('plain');
    expect([...stacks.values()].flat().every((frame) => frame.position === -1)).toBe(true);
  });

  test.each(lies)('Node $line, $lie: until that is found out, most lines are marked', ({ line, environment }) => {
    const { stacks } = runProbe(probe, [nodeBinary(line), KINDS], environment);
    const placed = [...stacks.values()].flat().filter((frame) => frame.position !== -1);
    // Some calls lie at an offset that is another call's in the table that is wrong.
    const claimed = placed.filter((frame) => !frame.approximate);
    expect(claimed.length).toBeLessThanOrEqual(placed.length / 2);
    expect([...stacks.values()].flat().length).toBeGreaterThan(placed.length);
  });

  test.each(NODE_LINES)('Node %i, functions 8 bytes further: no JavaScript frames, all counted', (line) => {
    const shift = { JS_PROBE_SHIFT: 'v8dbg_class_JSFunction__shared__=8' };
    const { stats, stacks } = runProbe(probe, [nodeBinary(line), KINDS], { ...EARLY, ...shift });
    expect(stats).toMatchObject({ state: UNKNOWN_LAYOUT, jsFrames: 0 });
    expect(stats.unknown).toBeGreaterThan(stacks.size);
  });
});

describe('frames that are none', () => {
  test.each(NODE_LINES)('Node %i survives made-up frames', (line) => {
    const { stats, stacks } = runProbe(probe, [nodeBinary(line), KINDS], { JS_PROBE_FUZZ: '300' });
    expect(stacks.size).toBeGreaterThan(30);
    expect(stats.probes).toBeGreaterThan(20_000);
  });

  // Compiled code on the stack, and blocks of 777 MB that the C library unmaps without a call that we see.
  test.each(NODE_LINES)('Node %i survives them among compiled code and freed blocks', (line) => {
    const program = fixture('call-positions.cjs');
    const { stats } = runProbe(probe, [nodeBinary(line), program], { JS_PROBE_FUZZ: '40', ROUNDS: '3000' });
    expect(stats.probes).toBeGreaterThan(100_000);
  });

  test('a program without V8 pays one symbol lookup', () => {
    const { stats } = runProbe(probe, ['/bin/true']);
    expect(stats).toMatchObject({ state: 0, v8: '0.0.0', probes: 0 });
    expect(stats.initNs).toBeLessThan(5_000_000);
  });
});

describe('the parts that need no V8, under sanitizers', () => {
  const SANITIZERS = ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  test.each([
    ['v8_position_test', ['src/v8_position.c', 'src/v8_bytecode_sizes.c']],
    ['v8_translation_test', ['src/v8_translation.c', 'src/v8_position.c', 'src/v8_bytecode_sizes.c']],
    ['v8_strings_test', ['src/v8_strings.c', 'src/peek.c']],
    ['peek_test', ['src/peek.c']],
  ])('%s', (name, sources) => {
    const binary = compile(join(directory.path, name), [`test/${name}.c`, ...sources], SANITIZERS);
    const output = execFileSync(binary, { cwd: NATIVE, encoding: 'utf8', env: { ...process.env, LD_PRELOAD: '' } });
    expect(output).toMatch(/^\d+ checks passed\n$/);
  });
});
