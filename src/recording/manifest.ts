/** `recording.json`: what a recording directory holds. Written when the run starts, and again when it ends. */

export const MANIFEST_FILE = 'recording.json';
export const MANIFEST_FORMAT = 'memprof-recording';
export const MANIFEST_VERSION = 1;

/** Something that is missing or less exact than it could be, found out while recording. */
export interface ManifestNotice {
  readonly code: string;
  readonly message: string;
  readonly pid?: number;
  /** How often it came, from how many threads or processes; absent for once. */
  readonly count?: number;
}

export interface Manifest {
  readonly format: typeof MANIFEST_FORMAT;
  readonly version: number;
  readonly memprofVersion: string;
  /** Decimal ns since the Unix epoch. */
  readonly startedAtNs: string;
  /** Absent while the run goes on, or when memprof was killed: the `.mpr` files hold what was drained until then. */
  readonly endedAtNs?: string;
  readonly host: { readonly platform: string; readonly arch: string; readonly kernel: string };
  /** `name` is the short name of the program; never its arguments. `exitCode` is null if a signal ended it. */
  readonly program: {
    readonly name: string;
    readonly pid: number;
    readonly exitCode?: number | null;
    readonly signal?: string | null;
  };
  readonly settings: {
    readonly native: boolean;
    readonly v8: boolean;
    readonly sampleBytes: number;
    readonly v8IntervalBytes: number;
    readonly maxSamplesPerSecond: number;
  };
  /** Where the stores are while the run goes on: gone after a clean end, still there if memprof was killed. */
  readonly runDirectory?: string;
  /** File names in this directory, one per process image, in the order they were first seen. */
  readonly files: readonly string[];
  /** Short-lived process images without a single sample: counted, not kept. */
  readonly emptyProcesses: number;
  readonly notices: readonly ManifestNotice[];
}
