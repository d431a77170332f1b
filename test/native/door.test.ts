/** What the agent asks of the sampler: the library that is preloaded, loaded as an addon. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CONTROL_NO_NATIVE, EVENT_TYPE, TAG_KIND, TAG_SOURCES } from '../../src/recording/wire.ts';
import { fixture, NODE_LINES, nodeBinary } from './helpers/js-probe.ts';
import { REPOSITORY, runSampled, type Store } from './store.ts';

const BYTES = 1_000_003;
const MODULE = join(REPOSITORY, 'dist/agent/native.cjs');
const command = (line: (typeof NODE_LINES)[number], ...flags: string[]) => [
  nodeBinary(line),
  ...flags,
  fixture('native-tags.cjs'),
  MODULE,
];

/** Bytes of the buffers by the context in which they were allocated, which is that of their site. */
function bytesByTag(store: Store | undefined): Record<number, number> {
  const totals: Record<number, number> = {};
  for (const { type, tag, size, site } of store?.events ?? []) {
    if (type !== EVENT_TYPE.alloc || size !== BYTES) continue;
    expect(store?.sites[site]?.tag).toBe(tag);
    totals[tag] = (totals[tag] ?? 0) + size;
  }
  return totals;
}

describe.each(NODE_LINES)('Node %i', (line) => {
  test('tags of the main thread and of a worker are in one table, and their bytes carry them', () => {
    const { status, stdout, stderr, stores } = runSampled(command(line));
    expect([status, stderr]).toEqual([0, '']);
    const [main, worker] = stdout
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text));
    // The same things have the same numbers in both threads; arenas are numbered on.
    expect(worker).toMatchObject({ pool: main.pool, stage: main.stage, labels: main.labels, ordinal: 2 });
    expect(main.ordinal).toBe(1);
    expect(worker.context).not.toBe(main.context);

    const [store] = stores;
    const { tags = [] } = store ?? {};
    expect(tags[main.pool]).toMatchObject({ name: 'kv-cache', ordinal: 2, budgetBytes: 10 * BYTES, folded: 0 });
    expect(tags[main.arena]).toMatchObject({ kind: TAG_KIND.arena, parent: main.pool, counters: [0, 17, 1, 0] });
    expect(tags[main.arena]?.releasedNs).toBeGreaterThan(0n);
    expect(tags[worker.context]).toMatchObject({ parent: worker.arena, stage: main.stage, labels: main.labels });
    const expected = Object.fromEntries(
      [main.context, main.arena, worker.context, worker.arena].map((tag) => [tag, 4 * BYTES]),
    );
    expect(bytesByTag(store)).toEqual({ ...expected, 0: 8 * BYTES });
    const sources = new Set(store?.sites.filter(({ tag }) => tag !== 0).map(({ tagSource }) => tagSource));
    expect([...sources]).toEqual([TAG_SOURCES.indexOf('leaf')]);
    expect(tags.at(-1)?.name.length).toBeLessThanOrEqual(128);
  });

  test('there is none where nothing is sampled', () => {
    const { status, stdout, stores } = runSampled(command(line), { flags: CONTROL_NO_NATIVE });
    expect([status, stdout, stores]).toEqual([0, '{"native":"undefined"}\n', []]);
  });

  test('where addons are not allowed, loading it throws and nothing else happens', () => {
    const { status, stderr } = runSampled(command(line, '--no-addons'));
    expect(status).toBe(1);
    expect(stderr).toContain('ERR_DLOPEN_DISABLED');
  });
});
