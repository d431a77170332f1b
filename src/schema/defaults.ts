/**
 * What `memprof run` does unless told otherwise. Apart from flags.ts, so that a run without flags need not load zod
 * first.
 */
export interface RunFlags {
  readonly output?: string;
  readonly force: boolean;
  /** File with rules, instead of the nearest memprof.config.json. */
  readonly config?: string;
  readonly native: boolean;
  readonly v8: boolean;
  /** Mean gap between native samples. */
  readonly sampleBytes: number;
  readonly v8IntervalBytes: number;
  /** V8 samples see every object of optimized code; the code is slower. */
  readonly exact: boolean;
  /** V8 objects made after an await get their arena; async functions of the program are compiled to slower ones. */
  readonly asyncLabels: boolean;
  /** Adaptive cap of one process, once its first samples are spent (CREDIT_SAMPLES of the native sampler). */
  readonly maxSamplesPerSecond: number;
  /** 0: no snapshots by time. */
  readonly snapshotEverySeconds: number;
  /** Neither the live figures nor the summary. Warnings are still printed. */
  readonly quiet: boolean;
  /** Profiles and a summary after the recording. */
  readonly reports: boolean;
}

export const RUN_DEFAULTS: RunFlags = {
  force: false,
  native: true,
  v8: true,
  sampleBytes: 64 << 10,
  v8IntervalBytes: 512 << 10,
  exact: false,
  asyncLabels: false,
  maxSamplesPerSecond: 500,
  snapshotEverySeconds: 60,
  quiet: false,
  reports: true,
};
