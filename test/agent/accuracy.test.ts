import { describe, expect, test } from 'vitest';
import { fixture, NODES, nodesOf, only, PRELOAD, runWithAgent } from './run-agent.ts';

const program = fixture('keep-objects.cjs');
const sum = (nodes: readonly { bytes: number }[]): number => nodes.reduce((bytes, node) => bytes + node.bytes, 0);

describe.each(NODES)('on Node $version', ({ execPath }) => {
  test('held objects are within 10 % at the function that made them, and garbage is not', async () => {
    // 16 KiB: 3,000 samples, so that 10 % is about five standard errors.
    const { lines, stdout } = await runWithAgent(execPath, ['--expose-gc', program], {
      control: { intervalBytes: 16_384 },
    });
    const heldBytes = Number(stdout);
    expect(heldBytes).toBeGreaterThan(40e6);
    expect(only(lines, 'v8profile').collected).toBe(true);
    const nodes = nodesOf(only(lines, 'v8profile'));
    const made = nodes.filter((node) => node.path.includes('keepObjects'));
    expect(Math.abs(sum(made) / heldBytes - 1)).toBeLessThan(0.1);
    expect(made.every((node) => node.name !== 'keepObjects' || (node.script === program && node.line === 3))).toBe(
      true,
    );
    expect(sum(nodes.filter((node) => node.path.includes('makeGarbage')))).toBeLessThan(heldBytes / 50);
  });

  test('--exact: V8 takes the flag without a word, and what is held is seen as before', async () => {
    const control = { intervalBytes: 16_384, exact: true };
    const { lines, stdout, stderr } = await runWithAgent(execPath, ['--expose-gc', program], { control });
    const made = nodesOf(only(lines, 'v8profile')).filter((node) => node.path.includes('keepObjects'));
    expect(Math.abs(sum(made) / Number(stdout) - 1)).toBeLessThan(0.1);
    expect(stderr).toBe('');
  });

  test('the agent itself is not in the profile, and neither are its hooks in stacks', async () => {
    const script =
      'process.on("exit", function atEnd() { globalThis.kept = Array.from({ length: 1e6 }, (_, i) => ({ i })); })';
    const { lines } = await runWithAgent(execPath, ['-e', script], { control: { intervalBytes: 16_384 } });
    const nodes = nodesOf(only(lines, 'v8profile'));
    expect(sum(nodes.filter((node) => node.path.includes('atEnd')))).toBeGreaterThan(10e6);
    const folder = PRELOAD.replace('preload.cjs', '');
    expect(nodes.filter((node) => node.script.startsWith(folder))).toEqual([]);
  });
});
