import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { buildProfile } from '../../src/interpret/index.ts';
import { INUSE_SPACE, type Labels, type Profile } from '../../src/model/profile.ts';
import { createRecogniser } from '../../src/rules/recogniser.ts';
import type { Rule } from '../../src/rules/rule.ts';
import { recordProcess, writeRecording } from '../helpers/recording-builder.ts';

const root = mkdtempSync(join(tmpdir(), 'rules-'));
afterAll(() => rmSync(root, { recursive: true }));

type Recorder = ReturnType<typeof recordProcess>;
let folders = 0;

/** The profile of a process that did what `act` says, by some rules. */
async function profileOf(rules: readonly Rule[], act: (recorder: Recorder) => void): Promise<Profile> {
  const recorder = recordProcess(4711);
  recorder.process();
  act(recorder);
  recorder.snapshot('end');
  recorder.end();
  const directory = writeRecording(join(root, String(folders++)), { '4711.0.mpr': recorder.bytes() });
  return buildProfile(directory, { recogniser: createRecogniser(rules) });
}

/** Labels by bytes in use, without those that are the same everywhere. */
function labelsByBytes(profile: Profile): Record<string, Partial<Labels>> {
  return Object.fromEntries(
    profile.samples.map(({ values, labels: { tier: _tier, pid: _pid, thread: _thread, ...labels } }) => [
      Math.round(values[INUSE_SPACE]),
      labels,
    ]),
  );
}

const CACHE: Rule = { name: 'cache', match: { script: 'cache.mjs' }, pool: 'cache', stage: 'fill' };

test('what the program names keeps its name; a stage or labels alone leave the arena to the rules', async () => {
  const profile = await profileOf([CACHE], (recorder) => {
    const stack = [recorder.js(recorder.function({ name: 'grow', script: 'file:///app/cache.mjs' }))];
    const pool = recorder.tag({ kind: 'pool', name: 'kv', ordinal: 1 });
    const arena = recorder.tag({ kind: 'arena', parent: pool, ordinal: 1 });
    const stage = recorder.tag({ kind: 'stage', name: 'prefill' });
    const labels = recorder.tag({ kind: 'labels', name: 'tenant=acme' });
    const both = recorder.tag({ kind: 'context', parent: 0, stage, labels });
    for (const [tag, size] of [
      [0, 100_003],
      [arena, 200_003],
      [both, 300_007],
      [labels, 400_009],
    ] as const) {
      recorder.alloc({ site: recorder.site({ stack, tag }), size, weight: size });
    }
  });
  const heap = 'libc.malloc';
  expect(labelsByBytes(profile)).toEqual({
    100003: { heap, pool: 'cache', arena: 'cache', stage: 'fill', arena_source: 'rule' },
    200003: { heap, pool: 'kv', arena: 'kv#1', arena_source: expect.not.stringMatching(/^(rule|allocator)$/) },
    300007: { heap, pool: 'cache', arena: 'cache', stage: 'prefill', label: 'tenant=acme', arena_source: 'rule' },
    400009: { heap, pool: 'cache', arena: 'cache', stage: 'fill', label: 'tenant=acme', arena_source: 'rule' },
  });
});

const FILES: readonly Rule[] = [
  { name: 'gguf', match: { file: '*.gguf' }, pool: 'weights', arena: 'gguf' },
  { name: 'parts', match: { file: '/m/*.part' }, pool: 'weights', arena: 'parts' },
];

test('a mapped file is known by its name in the maps, also if its first pages are unmapped; of several files only if all are of one kind', async () => {
  const profile = await profileOf(FILES, (recorder) => {
    const lines: string[] = [];
    /** Maps the files at one place of the code; '' for one whose name was not seen. */
    const map = (code: bigint, bytes: number, paths: readonly string[], unmapped = 0n): void => {
      const site = recorder.site({ stack: [recorder.native(code)], heap: 'file' });
      for (const path of paths) {
        const start = recorder.map(site, bytes);
        const hex = [start + unmapped, start + BigInt(bytes)].map((address) => address.toString(16).padStart(12, '0'));
        if (path !== '') lines.push(`${hex.join('-')} r--s 00000000 08:01 17 ${path}`);
      }
    };
    map(0x2000n, 1_003_520, ['/m/a model.gguf'], 4096n);
    map(0x3000n, 2_007_040, ['/m/1.part', '/m/2.part']);
    map(0x4000n, 3_010_560, ['/m/3.part', '/m/index.db']);
    map(0x5000n, 7_024_640, ['']);
    recorder.maps(lines.join('\n'));
  });
  const heap = 'mmap.file';
  expect(labelsByBytes(profile)).toEqual({
    1003520: { heap, pool: 'weights', arena: 'gguf', arena_source: 'rule' },
    4014080: { heap, pool: 'weights', arena: 'parts', arena_source: 'rule' },
    6021120: { heap },
    7024640: { heap },
  });
});
