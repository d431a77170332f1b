import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildProbe, fixture, NODE_LINES, type NodeLine, nodeBinary, runProbe, scratch } from './helpers/js-probe.ts';

const CHURN = fixture('churn.cjs');

/** The decoder compiled so that every cache hit is decoded once more without the cache, and compared. */
const directory = scratch();
let verifying = '';
beforeAll(() => {
  verifying = buildProbe(directory.path, ['-DMEMPROF_VERIFY']);
});
afterAll(directory.dispose);

/** Every allocation of at least 64 bytes decodes a stack: also those in the middle of a collection. */
function churn(line: NodeLine, flags: string[], args: string[]) {
  const { stats } = runProbe(verifying, [nodeBinary(line), ...flags, CHURN, ...args], { JS_PROBE_ALL: '64' });
  console.log(
    `Node ${line} ${flags.join(' ')}: ${stats.walks} stacks, ${stats.verified} cache hits, ${stats.mismatched} mismatches`,
  );
  return stats;
}

describe('a cached answer is the answer', () => {
  test.each(NODE_LINES)('Node %i, collections and workers', (line) => {
    const stats = churn(line, ['--expose-gc', '--max-semi-space-size=1'], ['500', 'workers']);
    expect(stats.verified).toBeGreaterThan(200_000);
    expect(stats.mismatched).toBe(0);
  });

  test.each(NODE_LINES)('Node %i, every object moves at each collection', (line) => {
    const stats = churn(line, ['--expose-gc', '--stress-compaction', '--stress-scavenge=50'], ['200']);
    expect(stats.verified).toBeGreaterThan(50_000);
    // Addresses are reused so fast that a function may stand where its twin stood: one in a million at most.
    expect(stats.mismatched).toBeLessThanOrEqual(1);
  });
});
