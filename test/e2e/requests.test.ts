import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { requestUses } from '../../src/analyze/requests.ts';
import { cleanEnvironment } from '../cli/run-cli.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { FIXTURES, NODES, profileOf } from './helpers.ts';

const root = temporaryDirectory('requests');
const program = join(FIXTURES, 'api/requests.mjs');
const nodes = NODES.filter(({ path }) => existsSync(path));
if (nodes.length === 0) console.warn('skipped: no Node in fixtures/nodes: node fixtures/install.mjs');

describe.skipIf(nodes.length === 0).each(nodes)('Node $major', ({ major, path }) => {
  test.each(['http', 'iteration'])(
    '%s: requests are counted, and what each leaves behind is the growth of its pool',
    async (count) => {
      const flags = ['--sample-bytes', '4k', '--max-samples-per-second', '100000'];
      const { profile, status, stderr } = await profileOf(join(root, `${major}-${count}`), [path, program], {
        flags,
        env: { ...cleanEnvironment(), COUNT: count },
      });
      expect(status, stderr).toBe(0);
      const [use] = requestUses(profile);
      expect(use?.requests).toBe(150);
      const pool = use?.growth.find((growth) => growth.pool === 'sessions');
      // Every block is a sample; the times of gauge and requests differ by a millisecond or so, of six between two requests.
      expect(pool?.bytesPerRequest).toBeGreaterThan(95_000);
      expect(pool?.bytesPerRequest).toBeLessThan(105_000);
      expect(pool?.r2).toBeGreaterThan(0.98);
    },
  );
});
