import type { Tables } from './tables.js';

/** What the program says of a sample. `label`: 'model=small,tenant=acme'. */
export interface Context {
  readonly pool?: string;
  /** Absent where only the pool is known: it has too many arenas to tell them apart. */
  readonly arena?: string;
  readonly stage?: string;
  readonly label?: string;
}

/** Reads the tags of one process. */
export interface TagReader {
  /** Of a site or an event; empty for 0, and for what a damaged recording calls a tag. */
  contextOf(tag: number): Context;
  /** The name of a heap of the program's own. */
  heapName(tag: number): string | undefined;
}

const NOTHING: Context = {};

export function createTagReader(tables: Tables): TagReader {
  const known = new Map<number, Context>();

  function nameOf(tag: number, kind: string): string | undefined {
    const record = tables.tag(tag);
    return record?.kind === kind && record.name !== '' ? record.name : undefined;
  }

  function placeOf(tag: number): Context {
    const record = tables.tag(tag);
    const pool = nameOf(record?.kind === 'arena' ? record.parent : tag, 'pool');
    if (record === undefined || pool === undefined) return NOTHING;
    return record.kind === 'arena' ? { pool, arena: `${pool}#${record.ordinal}` } : { pool };
  }

  function read(tag: number): Context {
    const record = tables.tag(tag);
    const isContext = record?.kind === 'context';
    const stage = nameOf(isContext ? record.stage : tag, 'stage');
    const label = nameOf(isContext ? record.labels : tag, 'labels');
    return {
      ...placeOf(isContext ? record.parent : tag),
      ...(stage !== undefined && { stage }),
      ...(label !== undefined && { label }),
    };
  }

  return {
    contextOf(tag) {
      if (tag === 0) return NOTHING;
      let context = known.get(tag);
      if (context === undefined) {
        context = read(tag);
        known.set(tag, context);
      }
      return context;
    },
    heapName: (tag) => nameOf(tag, 'heap'),
  };
}
