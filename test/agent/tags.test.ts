import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type * as tagsFile from '../../src/agent/tags.cts';
import type { Agent } from '../../src/api/agent.ts';
import { PRELOAD } from './run-agent.ts';

const require = createRequire(import.meta.url);
const { createTags } = require(join(dirname(PRELOAD), 'tags.cjs')) as { createTags: typeof tagsFile.createTags };

type Line = Record<string, unknown>;

// Arenas are numbered over the whole process: each test that looks at numbers has a pool of its own.

/** The agent's side alone, with numbers for tags of its own. */
function start({ withMarkers = true, source = 'ring' as 'ring' | 'none' } = {}) {
  const lines: Line[] = [];
  let carried = 0;
  let carriers = 0;
  const leafWord = new Int32Array(1);
  const tags = createTags({
    lines: { write: (type, fields) => void lines.push({ type, ...fields }) },
    requests: { add: (count) => void lines.push({ type: 'requests', count }), flush: () => undefined },
    startCarrier: () => {
      carriers++;
      return { source, current: () => carried, run };
    },
    leafWord,
    withMarkers,
  });
  function run<T>(context: number, fn: () => T): T {
    const outer = carried;
    carried = context;
    try {
      return fn();
    } finally {
      carried = outer;
    }
  }
  // What programs' copies of the package see is what there is.
  const agent: Agent = tags;
  const named = (tag: number): Line => {
    const { type, threadId, tag: _tag, ...names } = lines.find((line) => line.tag === tag) ?? { missing: tag };
    return names;
  };
  return { agent, lines, leafWord, current: tags.current, here: () => named(tags.current()), carriers: () => carriers };
}

describe('contexts', () => {
  it('an inner arena, stage or label replaces its like and keeps the rest', () => {
    const { agent, here, current } = start();
    const kv = agent.pool('kv', 0);
    const [one, two] = [agent.arena(kv), agent.arena(kv)];
    const seen = agent.run(one.tag, () =>
      agent.run(agent.stage('prefill'), () =>
        agent.run(agent.labels('tenant=acme'), () => {
          const outer = here();
          const inner = agent.run(two.tag, () => agent.run(agent.labels('model=small,tenant=globex'), here));
          return { outer, inner, after: here() };
        }),
      ),
    );
    expect(seen.outer).toEqual({ pool: 'kv', arena: 'kv#1', stage: 'prefill', label: 'tenant=acme' });
    expect(seen.inner).toEqual({ pool: 'kv', arena: 'kv#2', stage: 'prefill', label: 'model=small,tenant=globex' });
    expect(seen.after).toEqual(seen.outer);
    expect(current()).toBe(0);
  });

  it('are as many as combinations, however deep they are nested', () => {
    const { agent, lines, current } = start();
    const parts = [agent.arena(agent.pool('kv', 0)).tag, agent.stage('a'), agent.stage('b')];
    const nest = (depth: number): number =>
      depth === 0 ? current() : agent.run(parts[depth % 3] ?? 0, () => nest(depth - 1));
    expect(nest(1000)).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(5);
  });

  it('end with an error', () => {
    const { agent, current, leafWord } = start();
    const { tag } = agent.arena(agent.pool('kv', 0));
    const fail = (): never => {
      throw new Error('mine');
    };
    expect(() => agent.run(tag, fail)).toThrow('mine');
    expect(() => agent.leaf(tag, fail, undefined, [])).toThrow('mine');
    expect([current(), leafWord[0]]).toEqual([0, 0]);
  });

  it('a leaf is in the word that native code reads, and ends where another context is entered', () => {
    const { agent, leafWord, here } = start();
    const kv = agent.pool('leaf', 0);
    const [one, two] = [agent.arena(kv), agent.arena(kv)];
    const seen = agent.run(agent.stage('decode'), () =>
      agent.leaf(
        one.tag,
        function (this: string, given: number) {
          const outer = { given, self: this, word: leafWord[0], ...here() };
          const inner = agent.run(two.tag, () => ({ word: leafWord[0], ...here() }));
          return { outer, inner, after: here() };
        },
        'self',
        [7],
      ),
    );
    expect(seen.outer).toMatchObject({ given: 7, self: 'self', arena: 'leaf#1', stage: 'decode' });
    expect(seen.outer.word).toBeGreaterThan(0);
    expect(seen.inner).toEqual({ word: 0, pool: 'leaf', arena: 'leaf#2', stage: 'decode' });
    expect(seen.after).toMatchObject({ arena: 'leaf#1' });
    expect(leafWord[0]).toBe(0);
  });

  it('follow the program from its first tag on', () => {
    const { agent, carriers } = start();
    expect(carriers()).toBe(0);
    agent.stage('decode');
    agent.pool('kv', 0);
    expect(carriers()).toBe(1);
  });

  it('are leaves where nothing follows the program through its awaits', () => {
    const { agent, leafWord, here, current } = start({ source: 'none' });
    const [stage, other] = [agent.stage('prefill'), agent.stage('decode')];
    const seen = agent.run(stage, () => {
      const inner = agent.run(other, () => ({ word: leafWord[0], ...here() }));
      return { word: leafWord[0], ...here(), inner };
    });
    expect(seen).toMatchObject({ stage: 'prefill', inner: { stage: 'decode' } });
    expect([seen.word, seen.inner.word].every((word) => (word ?? 0) > 0)).toBe(true);
    expect([leafWord[0], current()]).toEqual([0, 0]);
  });

  it.each([0, -1, 4_000_000_000, Number.NaN])('the tag %s is none: the function runs as it is', (tag) => {
    const { agent, current } = start();
    expect(agent.run(tag, () => [current()])).toEqual([0]);
    expect(agent.leaf(tag, (a: number) => a + 1, undefined, [1])).toBe(2);
    expect(agent.arena(tag)).toEqual({ tag: 0, ordinal: 0 });
    agent.release(tag);
    agent.count(tag, 0, 1);
  });
});

describe('bounds', () => {
  it('a million arenas: tags for the first, a number for each', () => {
    const { agent, here } = start();
    const kv = agent.pool('kv many', 0);
    let recorded = 0;
    let last = 0;
    for (let i = 0; i < 1_000_000; i++) {
      const { tag, ordinal } = agent.arena(kv);
      if (tag !== 0) recorded++;
      if (ordinal !== last + 1) throw new Error(`${ordinal} after ${last}`);
      last = ordinal;
    }
    expect(recorded).toBe(49_151); // and the pool
    expect(agent.run(kv, here)).toEqual({ pool: 'kv many' });
  });

  it('a marker for each of the first 1,000 contexts, then that of the pool', () => {
    const { agent, lines } = start();
    const kv = agent.pool('marked', 0);
    const stack = () => /memprof-tag:(\d+)/.exec(new Error('here').stack ?? '')?.[1];
    const markers = Array.from({ length: 1200 }, () => Number(agent.run(agent.arena(kv).tag, stack)));
    const names = markers.map((tag) => lines.find((line) => line.tag === tag)?.arena);
    expect(names.slice(0, 1000)).toEqual(Array.from({ length: 1000 }, (_, i) => `marked#${i + 1}`));
    expect(new Set(names.slice(1000))).toEqual(new Set([undefined]));
    expect(lines.find((line) => line.tag === markers.at(-1))).toMatchObject({ pool: 'marked' });
    expect(lines).toHaveLength(1001);
  });

  it('a hundred values of a label; the rest is (other), and said once', () => {
    const { agent, lines, here } = start();
    for (let i = 0; i < 10_000; i++) agent.run(agent.labels(`request=${i}`), () => undefined);
    expect(agent.run(agent.labels('request=5000'), here)).toEqual({ label: 'request=(other)' });
    expect(agent.run(agent.labels('request=99'), here)).toEqual({ label: 'request=99' });
    expect(lines.filter(({ type }) => type === 'warning')).toEqual([
      expect.objectContaining({ code: 'LABELS_FOLDED', message: expect.stringContaining('"request"') }),
    ]);
    expect(lines).toHaveLength(102);
  });

  it('32 keys, and four in a context', () => {
    const { agent, here } = start();
    for (let i = 0; i < 100; i++) agent.labels(`key${i}=1`);
    expect(agent.labels('key99=1')).toBe(0);
    const nest = (keys: number): unknown =>
      keys === 0 ? here() : agent.run(agent.labels(`key${keys}=1`), () => nest(keys - 1));
    expect(nest(6)).toEqual({ label: 'key3=1,key4=1,key5=1,key6=1' });
    expect(agent.labels('no pair')).toBe(0);
  });

  it('no markers without V8 samples', () => {
    const { agent, lines } = start({ withMarkers: false });
    const stack = agent.run(agent.arena(agent.pool('kv', 0)).tag, () => new Error('here').stack);
    expect(stack).not.toContain('memprof-tag');
    expect(lines).toEqual([]);
  });
});
