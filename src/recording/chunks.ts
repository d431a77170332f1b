/** The chunk stream of an `.mpr` file: docs/reference/recording.md draws it. */

export const RECORDING_MAGIC = 'MPRECORD';
export const RECORDING_VERSION = 1;
/** Magic, u32 version, u32 zero. */
export const FILE_HEADER_BYTES = 16;
/** u32 type, u32 crc32 of the payload, u32 payload length, u32 flags. Payloads are padded to 8 bytes. */
export const CHUNK_HEADER_BYTES = 16;

export const CHUNK = {
  process: 1,
  header: 2,
  region: 3,
  events: 4,
  snapshot: 5,
  agent: 6,
  maps: 7,
  gauges: 8,
  symbols: 9,
  end: 10,
  ledger: 11,
  series: 12,
} as const;

/** Reason of a SNAPSHOT chunk, by number. */
export const SNAPSHOT_REASONS = ['end', 'timer', 'demand', 'peak'] as const;
export type SnapshotReason = (typeof SNAPSHOT_REASONS)[number];

/** Fixed part of a SNAPSHOT payload: u32 reason, u32 complete, u64 time, u64 sites, u64 live, u64 mappings. */
export const SNAPSHOT_HEADER_BYTES = 40;
/** Event records in one file at most: an hour at the usual cap of samples. Then only snapshots go on. */
export const MAX_EVENT_BYTES = 512 << 20;
/** Bytes of one GAUGES point: time, rss, anon, file, shmem, live, committed, each u64. */
export const GAUGE_POINT_BYTES = 56;

/** Fixed part of a SERIES payload: u32 bytes of the JSON that follows, padded to 8, u32 rows; then the rows: u64 time, one f64 a column. */
export const SERIES_HEADER_BYTES = 8;

/** One column of a SERIES chunk. A value that is not known is NaN. */
export interface SeriesColumn {
  readonly name: string;
  readonly unit: 'bytes' | 'count' | 'nanoseconds';
}

/** Payload of a SYMBOLS chunk: names, files, lines and offsets, never source text. */
export interface Symbols {
  readonly modules: readonly {
    readonly path: string;
    readonly buildId: string;
    readonly symbols: 'symtab' | 'dynsym' | 'none';
  }[];
  /** `[frame word in hex, module index, system name, demangled name, offset in the module]`. */
  readonly native: readonly (readonly [
    frameHex: string,
    module: number,
    systemName: string,
    name: string,
    moduleOffset: number,
  ])[];
  /** `[function index, qualified name, file, line, column]` of the definition. */
  readonly functions: readonly (readonly [index: number, name: string, file: string, line: number, column: number])[];
  /** `[function index, position, file, line, column]` of a call. */
  readonly positions: readonly (readonly [
    index: number,
    position: number,
    file: string,
    line: number,
    column: number,
  ])[];
  /** `[script, line, column, V8's name, qualified name, file, line, column]` of the functions in V8's own samples. */
  readonly v8Functions?: readonly (readonly [
    script: string,
    line: number,
    column: number,
    v8Name: string,
    name: string,
    file: string,
    originalLine: number,
    originalColumn: number,
  ])[];
  /** Scripts whose source could not be had. */
  readonly scripts: readonly string[];
}
