/** Our unwinder against libunwind, frame by frame, from the leaf to the first frame that has no unwind table. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildOracle, compareStacks } from '../../native/test/oracle.mjs';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { program } from './programs.ts';
import { REPOSITORY } from './store.ts';

const directory = temporaryDirectory('oracle');
const oracle = buildOracle(directory);
if (!oracle) console.warn('skipped: libunwind is not installed (Debian package libunwind-dev)');
const compare = (command: string[], every: number) => compareStacks(oracle ?? '', command, { every, directory });

const WORKLOADS = join(REPOSITORY, 'fixtures/workloads');
const hasRuntimes = existsSync(join(WORKLOADS, 'node_modules/onnxruntime-node'));
if (!hasRuntimes) console.warn('skipped: onnxruntime-node is not installed in fixtures/workloads');

describe.skipIf(!oracle)('the same frames as libunwind', () => {
  test.each([
    ['exceptions and operators', 'operators', [], 3],
    ['threads', 'threads', ['race'], 11],
  ] as const)('%s', (_name, name, args, every) => {
    const sum = compare([program(name), ...args], every);
    expect(sum).toMatchObject({ status: 0, mismatches: 0, roots: sum.samples, details: '' });
    expect(sum.frames).toBeGreaterThan(10_000);
  });

  test('Node itself', () => {
    const sum = compare([process.execPath, '-e', 'JSON.parse(JSON.stringify(process.versions))'], 31);
    expect(sum).toMatchObject({ status: 0, mismatches: 0, details: '' });
    expect(sum.frames).toBeGreaterThan(50_000);
    expect(sum.roots / sum.samples).toBeGreaterThan(0.99);
  });

  test.skipIf(!hasRuntimes)('onnxruntime generating tokens', () => {
    const args = ['--preset', 'tiny', '--requests', '1', '--new-tokens', '8'];
    const sum = compare([process.execPath, join(WORKLOADS, 'onnx-generate.mjs'), ...args], 101);
    expect(sum).toMatchObject({ status: 0, mismatches: 0, details: '' });
    expect(sum.frames).toBeGreaterThan(20_000);
    expect(sum.roots / sum.samples).toBeGreaterThan(0.99);
  });
});
