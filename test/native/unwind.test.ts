/** Our unwinder against libunwind, frame by frame, from the leaf to the first frame that has no unwind table. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { program } from './programs.ts';
import { REPOSITORY } from './store.ts';

const directory = mkdtempSync(join(tmpdir(), 'memprof-oracle-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Everything of the sampler but its hooks, and libunwind beside it; undefined where libunwind's header is missing. */
function buildOracle(): string | undefined {
  const sources = readdirSync(join(REPOSITORY, 'native/src')).filter((name) => name.endsWith('.c'));
  const hooks = /^(hooks_\w+|process|sampler|real|arena)\.c$/;
  const library = join(directory, 'oracle.so');
  const flags = ['-O2', '-g', '-std=gnu11', '-D_GNU_SOURCE=', '-fPIC', '-shared', '-fvisibility=hidden'];
  const files = ['../test/oracle.c', ...sources.filter((name) => !hooks.test(name))];
  const built = spawnSync(
    'cc',
    [...flags, '-ftls-model=initial-exec', '-fno-builtin-malloc', '-o', library, ...files, '-lunwind'],
    { cwd: join(REPOSITORY, 'native/src'), encoding: 'utf8' },
  );
  if (built.status === 0) return library;
  if (!existsSync('/usr/include/libunwind.h')) {
    console.warn('skipped: libunwind is not installed (Debian package libunwind-dev)');
    return undefined;
  }
  throw new Error(built.stderr);
}

const oracle = buildOracle();

/** Runs a command under the oracle; sums over its processes. */
function compareStacks(command: string[], every: number) {
  const out = join(directory, 'out');
  rmSync(out, { force: true });
  const [file = '', ...args] = command;
  const run = spawnSync(file, args, {
    encoding: 'utf8',
    timeout: 55_000,
    env: { ...process.env, LD_PRELOAD: oracle, ORACLE_OUT: out, ORACLE_EVERY: String(every) },
  });
  const sum = { status: run.status, samples: 0, frames: 0, mismatches: 0, roots: 0, details: '' };
  for (const line of readFileSync(out, 'utf8').split('\n')) {
    const numbers = /^(\d+) (\d+) (\d+) (\d+)$/.exec(line.replaceAll('\0', ''))?.slice(1).map(Number);
    if (!numbers) {
      sum.details += line.replaceAll('\0', '');
      continue;
    }
    const [samples = 0, frames = 0, mismatches = 0, roots = 0] = numbers;
    sum.samples += samples;
    sum.frames += frames;
    sum.mismatches += mismatches;
    sum.roots += roots;
  }
  return sum;
}

const WORKLOADS = join(REPOSITORY, 'fixtures/workloads');
const hasRuntimes = existsSync(join(WORKLOADS, 'node_modules/onnxruntime-node'));
if (!hasRuntimes) console.warn('skipped: onnxruntime-node is not installed in fixtures/workloads');

describe.skipIf(!oracle)('the same frames as libunwind', () => {
  test.each([
    ['exceptions and operators', 'operators', [], 3],
    ['threads', 'threads', ['race'], 11],
  ] as const)('%s', (_name, name, args, every) => {
    const sum = compareStacks([program(name), ...args], every);
    expect(sum).toMatchObject({ status: 0, mismatches: 0, roots: sum.samples, details: '' });
    expect(sum.frames).toBeGreaterThan(10_000);
  });

  test('Node itself', () => {
    const sum = compareStacks([process.execPath, '-e', 'JSON.parse(JSON.stringify(process.versions))'], 31);
    expect(sum).toMatchObject({ status: 0, mismatches: 0, details: '' });
    expect(sum.frames).toBeGreaterThan(50_000);
    expect(sum.roots / sum.samples).toBeGreaterThan(0.99);
  });

  test.skipIf(!hasRuntimes)('onnxruntime generating tokens', () => {
    const args = ['--preset', 'tiny', '--requests', '1', '--new-tokens', '8'];
    const sum = compareStacks([process.execPath, join(WORKLOADS, 'onnx-generate.mjs'), ...args], 101);
    expect(sum).toMatchObject({ status: 0, mismatches: 0, details: '' });
    expect(sum.frames).toBeGreaterThan(20_000);
    expect(sum.roots / sum.samples).toBeGreaterThan(0.99);
  });
});
