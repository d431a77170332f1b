import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildProfile } from '../../src/interpret/index.ts';
import { readProcessRecording } from '../../src/interpret/process-recording.ts';
import { createTagReader } from '../../src/interpret/tags.ts';
import type { Labels } from '../../src/model/profile.ts';
import { findProblems } from '../../src/model/validate.ts';
import { type ProcessRecorder, recordProcess, writeRecording } from '../helpers/recording-builder.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const root = temporaryDirectory('tags');

/** A pool with an arena, a stage and labels, and the context of all three. */
function nameThings(recorder: ProcessRecorder) {
  const pool = recorder.tag({ kind: 'pool', name: 'kv-cache', ordinal: 3, budgetBytes: 1_000_003, folded: 7 });
  const arena = recorder.tag({
    kind: 'arena',
    parent: pool,
    ordinal: 3,
    createdNs: 17n,
    releasedNs: 99n,
    counters: { hits: 5, misses: 4, double_releases: 2, uses_after_release: 1 },
  });
  const stage = recorder.tag({ kind: 'stage', name: 'prefill' });
  const labels = recorder.tag({ kind: 'labels', name: 'model=small,tenant=acme' });
  const context = recorder.tag({ kind: 'context', parent: arena, stage, labels });
  return { pool, arena, stage, labels, context };
}

function read(recorder: ProcessRecorder, name: string) {
  const directory = writeRecording(join(root, name), { '1.0.mpr': recorder.bytes() });
  const recording = readProcessRecording(join(directory, '1.0.mpr'));
  recording.stream.close();
  return { directory, recording, tags: createTagReader(recording.tables) };
}

test('a tag is a thing or a context of things', () => {
  const recorder = recordProcess(1);
  const { pool, arena, stage, labels, context } = nameThings(recorder);
  const coarse = recorder.tag({ kind: 'context', parent: pool, stage });
  const heap = recorder.tag({ kind: 'heap', name: 'slab' });
  recorder.snapshot('end');
  const { tags, recording } = read(recorder, 'kinds');
  expect(tags.contextOf(0)).toEqual({});
  expect(tags.contextOf(pool)).toEqual({ pool: 'kv-cache' });
  expect(tags.contextOf(arena)).toEqual({ pool: 'kv-cache', arena: 'kv-cache#3' });
  expect(tags.contextOf(stage)).toEqual({ stage: 'prefill' });
  expect(tags.contextOf(labels)).toEqual({ label: 'model=small,tenant=acme' });
  expect(tags.contextOf(context)).toEqual({
    pool: 'kv-cache',
    arena: 'kv-cache#3',
    stage: 'prefill',
    label: 'model=small,tenant=acme',
  });
  expect(tags.contextOf(coarse)).toEqual({ pool: 'kv-cache', stage: 'prefill' });
  expect(tags.contextOf(heap)).toEqual({});
  expect(tags.heapName(heap)).toBe('slab');
  expect(tags.heapName(pool)).toBeUndefined();
  expect(recording.tables.tagCount()).toBe(8);
  expect(recording.tables.tag(pool)).toMatchObject({ kind: 'pool', ordinal: 3, budgetBytes: 1_000_003, folded: 7 });
  expect(recording.tables.tag(arena)).toMatchObject({
    createdNs: 17n,
    releasedNs: 99n,
    hits: 5,
    misses: 4,
    doubleReleases: 2,
    usesAfterRelease: 1,
  });
});

test('later records of a tag replace the earlier: what was counted last is shown', () => {
  const recorder = recordProcess(1);
  const { arena } = nameThings(recorder);
  recorder.snapshot('timer');
  recorder.release(arena, 123n);
  recorder.snapshot('end');
  expect(read(recorder, 'later').recording.tables.tag(arena)?.releasedNs).toBe(123n);
});

test('tags that make no sense say nothing', () => {
  const recorder = recordProcess(1);
  const { pool, stage } = nameThings(recorder);
  const lost = recorder.tag({ kind: 'arena', parent: stage, ordinal: 1 });
  const odd = recorder.tag({ kind: 'context', parent: 9_999, stage: pool, labels: 4_000_000_000 });
  const looped = recorder.tag({ kind: 'context', parent: odd + 1, stage: odd + 1 });
  const nameless = recorder.tag({ kind: 'pool' });
  recorder.snapshot('end');
  const { tags } = read(recorder, 'odd');
  for (const tag of [lost, odd, looped, nameless, 10_000, 4_294_967_295]) expect(tags.contextOf(tag)).toEqual({});
});

test('samples carry what the program said before what the allocator says', async () => {
  const recorder = recordProcess(1);
  const { pool, stage, context } = nameThings(recorder);
  const heap = recorder.tag({ kind: 'heap', name: 'slab' });
  const stack = [recorder.native(0x2000n)];
  recorder.process();
  const sites = [
    recorder.site({ stack, tag: context, tagSource: 'c' }),
    recorder.site({ stack, tag: pool, tagSource: 'ring' }),
    recorder.site({ stack, tag: stage, tagSource: 'smi' }),
    recorder.site({ stack, heap: 'custom', arena: BigInt(heap) }),
    recorder.site({ stack, heap: 'custom', arena: 9_999n, tag: pool, tagSource: 'leaf' }),
    recorder.site({ stack, heap: 'mmap', tag: context, tagSource: 'thread-pool' }),
  ];
  sites.forEach((site, i) => {
    if (i < 5) recorder.alloc({ site, size: 1009 + i });
    else recorder.map(site, 40_960);
  });
  recorder.snapshot('end');
  recorder.end();
  const profile = await buildProfile(read(recorder, 'labels').directory);
  expect(findProblems(profile)).toEqual([]);
  const labelsOf = (bytes: number): Partial<Labels> | undefined => {
    const { tier, pid, thread, ...labels } = profile.samples.find((sample) => sample.values[3] === bytes)?.labels ?? {};
    return labels;
  };
  const named = { pool: 'kv-cache', arena: 'kv-cache#3', stage: 'prefill', label: 'model=small,tenant=acme' };
  expect(labelsOf(1009)).toEqual({ heap: 'libc.malloc', ...named, arena_source: 'c' });
  expect(labelsOf(1010)).toEqual({ heap: 'libc.malloc', pool: 'kv-cache', arena_source: 'ring' });
  expect(labelsOf(1011)).toEqual({
    heap: 'libc.malloc',
    arena: 'glibc#0',
    arena_source: 'allocator',
    stage: 'prefill',
  });
  expect(labelsOf(1012)).toEqual({ heap: 'custom:slab' });
  expect(labelsOf(1013)).toEqual({ heap: 'custom:unknown', pool: 'kv-cache', arena_source: 'leaf' });
  expect(labelsOf(40_960)).toEqual({ heap: 'mmap', ...named, arena_source: 'thread-pool' });
});
