import { FUNCTION, MODULE, NODE, REGIONS, type RegionName, TAG, TAG_KIND } from '../recording/wire.js';

/** A loaded object of the process, as the sampler registered it. */
export interface ModuleRecord {
  readonly start: bigint;
  readonly end: bigint;
  /** Run-time address = bias + virtual address of the file. */
  readonly bias: bigint;
  readonly path: string;
  readonly firstGeneration: number;
  readonly buildId: string;
  readonly isMain: boolean;
}

/** A JavaScript function. Positions are UTF-16 units from the start of the script; -1 where unknown. */
export interface FunctionRecord {
  readonly name: string;
  readonly script: string;
  readonly scriptId: number;
  readonly start: number;
  readonly end: number;
  readonly flags: number;
}

/** Something that the program named, or a context of such things: indexes are of other tags, 0 for none. */
export interface TagRecord {
  readonly kind: keyof typeof TAG_KIND;
  readonly name: string;
  /** Of an arena its pool; of a context its arena or pool. */
  readonly parent: number;
  /** Of an arena: its number within its pool. Of a pool: the last one given. */
  readonly ordinal: number;
  readonly stage: number;
  readonly labels: number;
  /** CLOCK_MONOTONIC. */
  readonly createdNs: bigint;
  /** 0: it has not been. */
  readonly releasedNs: bigint;
  readonly budgetBytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly doubleReleases: number;
  readonly usesAfterRelease: number;
  /** Of a pool: arenas that have no tag, since the table was full. */
  readonly folded: number;
}

/** Strings, modules, functions, nodes and tags of one process, put together from REGION chunks. Any index may be asked for. */
export interface Tables {
  /** False if the records do not follow those that are there: they are left out then. Those that are there are replaced. */
  append(region: number, firstRecord: number, records: Buffer): boolean;
  module(index: number): ModuleRecord | undefined;
  moduleCount(): number;
  tag(index: number): TagRecord | undefined;
  /** Tag 0, which is none, included. */
  tagCount(): number;
  function(index: number): FunctionRecord | undefined;
  frames(): FrameWords;
}

/** The frame words of the nodes, each once: hundreds of thousands of nodes share tens of thousands. */
export interface FrameWords {
  /** Ordered by the first node that has it. */
  readonly words: readonly bigint[];
  /** Index into `words` by node; that of node 0, the root, says nothing. */
  readonly ofNode: Uint32Array;
  /** The caller of each node, always a smaller number; `NO_CALLER` in a damaged table. */
  readonly callers: Uint32Array;
}

/** No node has this number. */
export const NO_CALLER = 0xffff_ffff;

/** Of the regions that only grow. */
const RECORD_BYTES: Readonly<Partial<Record<RegionName, number>>> = {
  strings: 1,
  modules: MODULE.bytes,
  functions: FUNCTION.bytes,
  nodes: NODE.bytes,
  tags: TAG.bytes,
};
const STRINGS = REGIONS.indexOf('strings');
const MODULES = REGIONS.indexOf('modules');
const FUNCTIONS = REGIONS.indexOf('functions');
const NODES = REGIONS.indexOf('nodes');
const TAGS = REGIONS.indexOf('tags');
const TAG_KINDS: ReadonlyMap<number, keyof typeof TAG_KIND> = new Map(
  Object.entries(TAG_KIND).map(([name, number]) => [number, name as keyof typeof TAG_KIND]),
);
const MAX_STRING_BYTES = 64 << 10;

export function createTables(): Tables {
  const sizes = REGIONS.map((name) => RECORD_BYTES[name]);
  const regions = REGIONS.map(() => ({ data: Buffer.alloc(0), used: 0 }));
  const known = new Map<number, string>();
  let frames: FrameWords | undefined;

  function append(region: number, firstRecord: number, records: Buffer): boolean {
    const size = sizes[region];
    const table = regions[region];
    if (size === undefined || table === undefined) return false;
    const at = firstRecord * size;
    // Never a gap: an index into it would show records that nobody wrote.
    if (at > table.used) return false;
    const end = at + records.length - (records.length % size);
    if (end > table.data.length) {
      const grown = Buffer.alloc(Math.max(end, table.data.length * 2, 4096));
      table.data.copy(grown, 0, 0, table.used);
      table.data = grown;
    }
    records.copy(table.data, at, 0, end - at);
    frames = undefined;
    table.used = Math.max(table.used, end);
    return true;
  }

  function record(region: number, index: number): { data: Buffer; at: number } | undefined {
    const table = regions[region];
    const size = sizes[region] ?? 1;
    if (table === undefined || index < 0 || (index + 1) * size > table.used) return undefined;
    return { data: table.data, at: index * size };
  }

  function string(id: number): string {
    const cached = known.get(id);
    if (cached !== undefined) return cached;
    const table = regions[STRINGS];
    if (table === undefined || id + 4 > table.used) return '';
    const end = id + 4 + Math.min(table.data.readUInt32LE(id), MAX_STRING_BYTES);
    // A string that is not there in full is not cached: the rest may still come.
    if (end > table.used) return '';
    const text = table.data.toString('utf8', id + 4, end);
    known.set(id, text);
    return text;
  }

  const nodeCount = (): number => Math.floor((regions[NODES]?.used ?? 0) / NODE.bytes);

  return {
    append,
    module(index) {
      const found = record(MODULES, index);
      if (found === undefined) return undefined;
      const { data, at } = found;
      const idBytes = Math.min(data.readUInt32LE(at + MODULE.buildIdBytes), 20);
      return {
        start: data.readBigUInt64LE(at + MODULE.start),
        end: data.readBigUInt64LE(at + MODULE.end),
        bias: data.readBigUInt64LE(at + MODULE.bias),
        path: string(data.readUInt32LE(at + MODULE.path)),
        firstGeneration: data.readUInt32LE(at + MODULE.firstGeneration),
        buildId: data.toString('hex', at + MODULE.buildId, at + MODULE.buildId + idBytes),
        isMain: data.readUInt32LE(at + MODULE.isMain) !== 0,
      };
    },
    moduleCount: () => Math.floor((regions[MODULES]?.used ?? 0) / MODULE.bytes),
    function(index) {
      const found = record(FUNCTIONS, index);
      if (found === undefined) return undefined;
      const { data, at } = found;
      return {
        name: string(data.readUInt32LE(at + FUNCTION.name)),
        // The rest of such a name is source text: it goes into no symbols and no report.
        script: string(data.readUInt32LE(at + FUNCTION.script)).replace(/^data:.*$/s, 'data:'),
        scriptId: data.readInt32LE(at + FUNCTION.scriptId),
        start: data.readInt32LE(at + FUNCTION.start),
        end: data.readInt32LE(at + FUNCTION.end),
        flags: data.readUInt32LE(at + FUNCTION.flags),
      };
    },
    tag(index) {
      const found = index === 0 ? undefined : record(TAGS, index);
      const kind = found && TAG_KINDS.get(found.data.readUInt32LE(found.at + TAG.kind));
      if (found === undefined || kind === undefined) return undefined;
      const { data, at } = found;
      const count = (offset: number): number => countOf(data.readBigUInt64LE(at + offset));
      return {
        kind,
        name: string(data.readUInt32LE(at + TAG.name)),
        parent: data.readUInt32LE(at + TAG.parent),
        ordinal: data.readUInt32LE(at + TAG.ordinal),
        stage: data.readUInt32LE(at + TAG.stage),
        labels: data.readUInt32LE(at + TAG.labels),
        createdNs: data.readBigUInt64LE(at + TAG.createdNs),
        releasedNs: data.readBigUInt64LE(at + TAG.releasedNs),
        budgetBytes: count(TAG.budgetBytes),
        hits: count(TAG.counters),
        misses: count(TAG.counters + 8),
        doubleReleases: count(TAG.counters + 16),
        usesAfterRelease: count(TAG.counters + 24),
        folded: count(TAG.folded),
      };
    },
    tagCount: () => Math.floor((regions[TAGS]?.used ?? 0) / TAG.bytes),
    frames() {
      frames ??= numberWords(regions[NODES]?.data ?? Buffer.alloc(0), nodeCount());
      return frames;
    },
  };
}

/** Words are compared by halves: a bigint for each node would take longer than all the rest. */
function numberWords(nodes: Buffer, count: number): FrameWords {
  const words: bigint[] = [];
  const ofNode = new Uint32Array(count);
  const callers = new Uint32Array(count);
  const byHalves = new Map<number, Map<number, number>>();
  for (let node = 1; node < count; node++) {
    const at = node * NODE.bytes + NODE.frame;
    const high = nodes.readInt32LE(at + 4);
    const low = nodes.readInt32LE(at);
    let byLow = byHalves.get(high);
    if (byLow === undefined) {
      byLow = new Map();
      byHalves.set(high, byLow);
    }
    let number = byLow.get(low);
    if (number === undefined) {
      number = words.push(nodes.readBigUInt64LE(at)) - 1;
      byLow.set(low, number);
    }
    ofNode[node] = number;
    // A caller is always interned before what it calls. This also ends every walk, whatever a damaged file says.
    const caller = nodes.readUInt32LE(node * NODE.bytes + NODE.parent);
    callers[node] = caller < node ? caller : NO_CALLER;
  }
  return { words, ofNode, callers };
}

/** More than anybody counts is damage, e.g. of a program that wrote over the store: nothing is known then. */
const countOf = (value: bigint): number => (value < 2n ** 48n ? Number(value) : 0);
