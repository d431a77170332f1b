/**
 * The profiler's side of the API, as globalThis has it: offer-tags.cts. src/api/agent.ts has the shape that programs' copies of the package
 * expect; a change of it is a new version.
 */
import threads = require('node:worker_threads');
import contextFile = require('./contexts.cjs');
import enterFile = require('./enter.cjs');
import labelFile = require('./label-bounds.cjs');
import localFile = require('./local-tags.cjs');
import markerFile = require('./markers.cjs');

import type { Carrier } from './carrier-types.cjs';
import type { LineFile, Requests, TagTable } from './types.cjs';

type Part = Parameters<ReturnType<typeof contextFile.createContexts>['add']>[0];
type LabelsPart = Extract<Part, { kind: 'labels' }>;
type Pairs = ReadonlyMap<string, string>;

interface TagOptions {
  readonly lines: LineFile;
  readonly requests: Requests;
  /** The native sampler's; without it V8's samples alone have names. */
  readonly table?: TagTable | undefined;
  readonly startCarrier?: (() => Carrier) | undefined;
  /** A word that native code reads. */
  readonly leafWord?: Int32Array | undefined;
  /** Whether V8's sampler runs, for whose stacks markers are. */
  readonly withMarkers: boolean;
}

function createTags({ lines, requests, withMarkers, ...given }: TagOptions) {
  const table = given.table ?? localFile.createLocalTags();
  const leafWord = given.leafWord ?? new Int32Array(1);
  const markers = withMarkers ? markerFile.createMarkers() : undefined;
  const bounds = labelFile.createLabelBounds((key) => {
    const message = `labels of "${key}" have too many keys or values: what came later is counted to (other)`;
    lines.write('warning', { code: 'LABELS_FOLDED', message });
  });

  const contexts = contextFile.createContexts(table, labelsOf, (tag, names, isPool) => {
    const marker = markers?.create(tag, isPool);
    if (marker !== undefined) lines.write('tag', { threadId: threads.threadId, tag, ...names });
    return marker;
  });

  const { startCarrier } = given;
  const { begin, current, run, resume, leaf } = enterFile.createEnter({ startCarrier, leafWord, ...contexts });

  function add(part: Part): number {
    begin();
    contexts.add(part);
    return part.tag;
  }

  function labelsOf(pairs: Pairs): LabelsPart | undefined {
    if (pairs.size === 0) return undefined;
    const name = labelFile.textOf(pairs);
    const part: LabelsPart = { kind: 'labels', tag: table.defineLabels(name), name, pairs };
    return add(part) === 0 ? undefined : part;
  }

  return {
    version: 1 as const,
    pool: (name: string, budgetBytes: number) => add({ kind: 'pool', tag: table.definePool(name, budgetBytes), name }),
    arena(poolTag: number) {
      const pool = contexts.get(poolTag);
      if (pool?.kind !== 'pool') return { tag: 0, ordinal: 0 };
      const tag = table.defineArena(poolTag);
      const ordinal = table.ordinalOf(tag === 0 ? poolTag : tag);
      add({ kind: 'arena', tag, ordinal, pool });
      return { tag, ordinal };
    },
    stage: (name: string) => add({ kind: 'stage', tag: table.defineStage(name), name }),
    labels: (text: string) => labelsOf(bounds.bound(text))?.tag ?? 0,
    iteration: (count: number) => requests.add(count),
    release: (arena: number) => table.releaseArena(arena),
    count: (tag: number, counter: number, by: number) => table.count(tag, counter, by),
    current,
    run,
    /** For async-steps.cts; the API does not know it. */
    resume,
    leaf,
  };
}

export = { createTags };
