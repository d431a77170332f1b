import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { COMPACT_MAX_STACKS, fold } from '../../src/analyze/fold.ts';
import { summarize } from '../../src/analyze/summary.ts';
import type { Profile, Values } from '../../src/model/profile.ts';
import { FORMATS } from '../../src/report/index.ts';
import { readPprof } from '../../src/report/pprof-read.ts';
import { goPprof, HAS_GO } from '../helpers/go-pprof.ts';
import { approximateProfile, inferenceProfile, js, makeProfile, native, poolProfile } from '../helpers/profiles.ts';

const MIB = 1_048_576;
const directory = mkdtempSync(join(tmpdir(), 'memprof-pprof-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, profile: Profile): string {
  const path = join(directory, name);
  writeFileSync(path, FORMATS.pprof(profile, { summary: summarize(profile, { memprofVersion: '0.0.0' }) }));
  return path;
}

describe.skipIf(!HAS_GO)('go tool pprof', () => {
  const inference = file('inference.pb.gz', inferenceProfile());
  const pools = file('pools.pb.gz', poolProfile());

  it('reads sample types, the default, the period and the comments', () => {
    const raw = goPprof('-raw', inference);
    expect(raw).toContain('alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes[dflt]');
    expect(raw).toContain('PeriodType: space bytes\nPeriod: 65536\n');
    expect(raw).toContain('Duration: 12.4');
    expect(raw).toContain('Comment: memprof: 0.0.0');
    expect(raw).toContain('Comment: unknown: v8 alloc_objects,alloc_space');
    expect(raw).toMatch(/Comment: notice: JS_NAMES_MISSING The source of 3 scripts/);
  });

  it('takes the first mapping for the main binary, with its build id', () => {
    const top = goPprof('-top', inference);
    expect(top).toContain('File: node\n');
    expect(top).toContain('Build ID: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1');
    const mappings = goPprof('-raw', inference).split('Mappings\n')[1] ?? '';
    expect(mappings.trim().split('\n')).toHaveLength(3);
    for (const line of mappings.trim().split('\n')) expect(line).toMatch(/ a{39}\d \[FN\]$/);
  });

  it('gives native frames an address and a mapping, JavaScript frames a file and a line', () => {
    const locations = goPprof('-raw', inference).split('Locations\n')[1]?.split('Mappings')[0] ?? '';
    const lines = locations.trim().split('\n');
    expect(lines.length).toBeGreaterThan(15);
    for (const line of lines) expect(line).toMatch(/: 0x[1-9a-f][0-9a-f]+ M=\d |: 0x0 .* [\w./:-]+:\d+ s=\d+$/);
  });

  it('adds up to the same totals', () => {
    const top = goPprof('-top', '-unit=bytes', '-nodecount=100', inference);
    const expected = inferenceProfile().samples.reduce((sum, sample) => sum + sample.values[3], 0);
    expect(top).toContain(`${expected}B total`);
    expect(top).toMatch(/\s+91226112B .*\s+malloc$/m);
    for (const [index, type] of ['alloc_objects', 'alloc_space', 'inuse_objects', 'inuse_space'].entries()) {
      const total = inferenceProfile().samples.reduce((sum, { values }) => sum + (values[index] ?? 0), 0);
      expect(goPprof('-top', '-unit=bytes', `-sample_index=${type}`, inference)).toMatch(
        new RegExp(`Total samples = ${total}(B|bytes) `),
      );
    }
  });

  it('lists our labels with -tags', () => {
    const tags = goPprof('-tags', '-unit=bytes', inference);
    for (const key of ['arena', 'arena_source', 'heap', 'pid', 'thread', 'tier'])
      expect(tags).toMatch(new RegExp(`^ ${key}: `, 'm'));
    expect(tags).toMatch(/93323264\.0B .*: libc\.malloc/);
    expect(tags).toContain(': tid 4720');
    expect(tags).toContain(': 4711\n');
  });

  it('shows pools and arenas as roots, and labels of the program under their own keys', () => {
    const tree = goPprof('-tree', '-unit=bytes', '-tagroot=pool,arena', '-nodecount=100', pools);
    expect(tree).toMatch(/734003200B 47\.36%.*\| +kv-cache$/m);
    expect(tree).toMatch(/230686720B .*\| +kv-cache#0$/m);
    const labelled = makeProfile([
      { stack: [js('f', 'a.js', 1)], values: [1, 7, 1, 7_919], labels: { label: 'model=small,tenant=acme' } },
      { stack: [js('f', 'a.js', 1)], values: [1, 7, 1, 101], labels: { label: 'pid=17,tenant=globex=x' } },
    ]);
    const path = file('labels.pb.gz', labelled);
    const tags = goPprof('-tags', '-unit=bytes', path);
    for (const tag of ['acme', 'globex=x', 'small', '17', 'model=small,tenant=acme']) {
      expect(tags).toMatch(new RegExp(`\\): ${tag}$`, 'm'));
    }
    for (const key of ['tenant', 'model', 'label.pid', 'pid', 'label']) expect(tags).toContain(` ${key}: Total`);
    expect(goPprof('-top', '-unit=bytes', '-tagfocus=tenant=acme', path)).toContain('7919B');
    expect(readPprof(readFileSync(path)).samples.map(({ labels }) => labels)).toMatchObject([
      { label: 'model=small,tenant=acme', pid: 4711 },
      { label: 'pid=17,tenant=globex=x', pid: 4711 },
    ]);
  });

  it('shows approximate lines among the tags, where they leave functions and line numbers as they are', () => {
    const path = file('approximate.pb.gz', approximateProfile());
    const tags = goPprof('-tags', '-unit=bytes', path);
    expect(tags).toMatch(new RegExp(`^ *${5 * MIB}\\.0B .*: .*src/engine/decode\\.ts:~40$`, 'm'));
    expect(tags).toMatch(new RegExp(`^ *${2 * MIB}\\.0B .*: .*src/cache\\.ts:~88$`, 'm'));
    const top = goPprof('-top', '-cum', '-unit=bytes', path);
    expect(top).toMatch(new RegExp(`\\s${42 * MIB}B .* Cache\\.put$`, 'm'));
    const lines = goPprof('-top', '-lines', '-cum', '-unit=bytes', path);
    expect(lines).toMatch(new RegExp(`\\s${42 * MIB}B .* Cache\\.put src/cache\\.ts:88$`, 'm'));
    const exact = goPprof('-top', '-unit=bytes', '-tagignore=approximate_line=.', path);
    expect(exact).toContain(`Showing nodes accounting for ${43 * MIB}B`);
  });

  it('roots the graph at heap and arena with -tagroot, at pool and arena with pools', () => {
    const top = goPprof('-top', '-cum', '-unit=bytes', '-tagroot=heap,arena', inference);
    expect(top).toMatch(/\s93323264B .* libc\.malloc$/m);
    expect(top).toMatch(/\s24117248B .* glibc#3$/m);
    const poolTop = goPprof('-top', '-cum', '-unit=bytes', '-tagroot=pool,arena', pools);
    expect(poolTop).toMatch(new RegExp(`\\s${700 * MIB}B .* kv-cache$`, 'm'));
    expect(poolTop).toMatch(new RegExp(`\\s${130 * MIB}B .* kv-cache#3$`, 'm'));
  });

  it('keeps one arena with -tagfocus', () => {
    const top = goPprof('-top', '-unit=bytes', '-tagfocus=arena=kv-cache#3', pools);
    expect(top).toContain(`Showing nodes accounting for ${130 * MIB}B`);
    expect(top).not.toContain('llama_model_load');
  });

  it('subtracts with -diff_base', () => {
    const grown = poolProfile();
    const samples = grown.samples.map((sample, i) =>
      i === 0 ? { ...sample, values: [0, 0, 0, sample.values[3] + 31 * MIB] satisfies Values as Values } : sample,
    );
    const path = file('grown.pb.gz', { ...grown, samples });
    const top = goPprof('-top', '-unit=bytes', `-diff_base=${pools}`, path);
    expect(top).toMatch(new RegExp(`\\s${31 * MIB}B .*ggml_aligned_malloc`));
  });

  it('reads values above 2^31, above 2^53 and below zero', () => {
    const values: [string, number][] = [
      ['large', 3_000_000_019],
      ['larger', 2 ** 53 + 2 ** 30],
      ['negative', -5_000_000_029],
      ['infinite', Number.POSITIVE_INFINITY],
      ['nothing', Number.NaN],
    ];
    const profile = makeProfile(
      values.map(([name, value]) => ({ stack: [js(name, 'a.js', 1)], values: [0, 0, 0, value] })),
    );
    const raw = goPprof('-raw', file('values.pb.gz', profile));
    for (const value of ['3000000019', '9007200328482816', '-5000000029', '9223372036854775807']) {
      expect(raw).toMatch(new RegExp(`\\s${value}: `));
    }
  });

  it('reads an empty profile, one without native code and one without symbols', () => {
    expect(goPprof('-raw', file('empty.pb.gz', makeProfile([])))).toContain('inuse_space/bytes[dflt]');
    const onlyJs = { ...makeProfile([{ stack: [js('f', 'a.js', 1)], values: [1, 2, 3, 5] }]), mappings: [] };
    expect(goPprof('-top', file('js.pb.gz', onlyJs))).toContain('File: node\n');
    const bare = makeProfile([
      { stack: [js('main', 'a.js', 1), native('x', '/lib/x.so')], values: [1, 7919, 1, 7919] },
    ]);
    const locations = new Map(
      [...bare.locations].map(([id, at]) => [id, at.kind === 'native' ? { ...at, lines: [] } : at]),
    );
    const stripped = goPprof('-top', file('bare.pb.gz', { ...bare, locations }));
    expect(stripped).toMatch(/100% {2}\[x\.so\]$/m);
  });
});

it('fits the limits of continuous profilers once it is folded: 4,000 samples, 4 MiB', () => {
  const frames = Array.from({ length: 2_999 }, (_, i) => js(`function${i}`, `src/module${i % 199}.ts`, i + 1));
  const samples = Array.from({ length: 30_011 }, (_, i) => ({
    stack: Array.from({ length: 40 }, (_, depth) => frames[(i * 31 + depth * 7) % 2_999] ?? js('f', 'a.js', 1)),
    values: [i, i * 4_099, i, i * 4_099 + 1] as const,
    labels: { arena: `glibc#${i % 17}`, thread: `tid ${i % 13}` },
  }));
  const profile = fold(makeProfile(samples), COMPACT_MAX_STACKS);
  const summary = summarize(profile, { memprofVersion: '0.0.0' });
  const bytes = FORMATS.pprof(profile, { summary });
  expect(readPprof(bytes).samples).toHaveLength(4_000);
  expect(gunzipSync(bytes).length).toBeLessThan(4 * MIB);
});

it('is compressed, and names appear once', () => {
  const profile = inferenceProfile();
  const bytes = FORMATS.pprof(profile, { summary: summarize(profile, { memprofVersion: '0.0.0' }) });
  const raw = Buffer.from(gunzipSync(bytes)).toString('latin1');
  expect(raw.split('OnnxSession.run')).toHaveLength(2);
});
