/**
 * Contexts: an arena or pool, a stage and labels, each of which may be missing. Being in one thing more changes one of the three, so that however
 * deep the program nests, there are only as many contexts as combinations.
 */
import labelFile = require('./label-bounds.cjs');

import type { Entered, Marker, TagTable } from './types.cjs';

/** What can be entered. Programs make arenas by the million: nothing is kept of one that can be made of it. */
type Part =
  | { readonly kind: 'pool'; readonly tag: number; readonly name: string }
  | { readonly kind: 'arena'; readonly tag: number; readonly ordinal: number; readonly pool: NamedPart }
  | { readonly kind: 'stage'; readonly tag: number; readonly name: string }
  | {
      readonly kind: 'labels';
      readonly tag: number;
      readonly name: string;
      readonly pairs: ReadonlyMap<string, string>;
    };

type NamedPart = Exclude<Part, { kind: 'arena' }>;

interface Context {
  readonly place?: Part;
  readonly stage?: NamedPart;
  readonly labels?: NamedPart;
}

/** The context's parts as reports spell them. */
interface ContextNames {
  readonly pool?: string;
  readonly arena?: string;
  readonly stage?: string;
  readonly label?: string;
}

interface Contexts {
  /** Takes what the rest was made of. */
  add(part: Part): void;
  get(tag: number): Part | undefined;
  /** What it is to be in the part with this tag while `current` is the context. */
  enteredFrom(current: number, tag: number): Entered | undefined;
  /** The context with this tag. */
  enteredAs(tag: number): Entered | undefined;
}

/** No context. */
const NOWHERE = -1;

/** The last way into a part, and all of them as soon as there are two. */
interface Ways {
  readonly part: Part;
  from: number;
  entered: Entered | undefined;
  byContext: Map<number, Entered> | undefined;
}

/**
 * @param labelsOf makes the part of merged labels.
 * @param createMarker of a context; see markers.cts.
 */
function createContexts(
  table: TagTable,
  labelsOf: (pairs: ReadonlyMap<string, string>) => NamedPart | undefined,
  createMarker: (tag: number, names: ContextNames, isPool: boolean) => Marker | undefined,
): Contexts {
  /** By tag: a list is quicker than a Map, and this is asked for at each call. */
  const waysInto: (Ways | undefined)[] = [];
  const contexts = new Map<number, Context>();
  const known = new Map<string, Entered>();
  const byTag = new Map<number, Entered>();

  function enteredFrom(current: number, tag: number): Entered | undefined {
    const ways = waysInto[tag];
    if (ways === undefined) return undefined;
    if (ways.from === current) return ways.entered;
    let entered = ways.byContext?.get(current);
    if (entered === undefined) {
      entered = intern(within(contexts.get(current) ?? {}, ways.part));
      // Most are entered from one context only.
      if (ways.from !== NOWHERE) ways.byContext = rememberBoth(ways, current, entered);
    }
    ways.from = current;
    ways.entered = entered;
    return entered;
  }

  function within(outer: Context, part: Part): Context {
    if (part.kind === 'stage') return { ...outer, stage: part };
    if (part.kind !== 'labels') return { ...outer, place: part };
    const around = outer.labels?.kind === 'labels' ? outer.labels.pairs : undefined;
    const labels = around === undefined ? part : labelsOf(labelFile.merge(around, part.pairs));
    return { ...outer, labels: labels ?? part };
  }

  function intern(context: Context): Entered {
    const { place, stage, labels } = context;
    const tags = [place?.tag ?? 0, stage?.tag ?? 0, labels?.tag ?? 0] as const;
    const key = tags.join();
    let entered = known.get(key);
    if (entered === undefined) {
      const tag = table.defineContext(...tags);
      const isPool = place?.kind === 'pool' && stage === undefined && labels === undefined;
      // A full table gives the context of the pool, which is there already, or none.
      const isNew = tag !== 0 && !contexts.has(tag);
      if (isNew) contexts.set(tag, context);
      const own = isNew ? createMarker(tag, namesOf(context), isPool) : undefined;
      entered = { context: tag, marker: own ?? (isPool ? undefined : markerOfPool(place)) };
      known.set(key, entered);
      if (isNew) byTag.set(tag, entered);
    }
    return entered;
  }

  function markerOfPool(place: Part | undefined): Marker | undefined {
    if (place === undefined) return undefined;
    return intern({ place: place.kind === 'arena' ? place.pool : place }).marker;
  }

  return {
    add(part) {
      if (part.tag === 0 || waysInto[part.tag] !== undefined) return;
      while (waysInto.length < part.tag) waysInto.push(undefined);
      waysInto[part.tag] = { part, from: NOWHERE, entered: undefined, byContext: undefined };
    },
    get: (tag) => waysInto[tag]?.part,
    enteredFrom,
    enteredAs: (tag) => byTag.get(tag),
  };
}

function rememberBoth({ byContext, from, entered }: Ways, current: number, next: Entered): Map<number, Entered> {
  const all = byContext ?? new Map<number, Entered>();
  if (entered !== undefined) all.set(from, entered);
  return all.set(current, next);
}

function namesOf({ place, stage, labels }: Context): ContextNames {
  return {
    ...(place !== undefined && { pool: place.kind === 'arena' ? place.pool.name : place.name }),
    ...(place?.kind === 'arena' && { arena: `${place.pool.name}#${place.ordinal}` }),
    ...(stage !== undefined && { stage: stage.name }),
    ...(labels !== undefined && { label: labels.name }),
  };
}

export = { createContexts };
