/** What happened when: points and short spans on the line of time. Times are ns since the Unix epoch. */

/** V8's words for what a collection does. 'scavenge': the young generation; 'mark-compact': all of the heap, in one stop. */
export const GC_KINDS = ['scavenge', 'minor-mark-compact', 'mark-compact', 'incremental', 'weak-callbacks'] as const;
export type GcKind = (typeof GC_KINDS)[number];

/**
 * One time that V8 stopped the JavaScript of one isolate to collect garbage. 'incremental' is the start of marking in steps; of the steps
 * V8 tells nothing. Collections that the profiler asked for are left out.
 */
export interface GcPause {
  readonly pid: number;
  /** Node's number of the thread whose isolate it is: 0 the main one. */
  readonly threadId: number;
  readonly timeNs: bigint;
  readonly durationNs: number;
  readonly kind: GcKind;
  /**
   * Why, as far as V8 says it: 'young generation full', 'heap limit' (the heap had grown to where V8 looks again, and was marked in steps),
   * 'allocation' (there was no room for one), 'external memory', 'memory pressure', 'forced' (gc() or the like); '' where it does not.
   */
  readonly cause: string;
}

/** All pauses of one kind of one isolate; the profile's `pauses` are the longest of them where there are very many. */
export interface GcUse {
  readonly pid: number;
  readonly threadId: number;
  readonly kind: GcKind;
  readonly pauses: number;
  readonly totalNs: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
  /** How many pauses had which cause. */
  readonly causes: Readonly<Record<string, number>>;
}

/** Something that happened at one moment. Their number in a profile is bounded. */
export interface Mark {
  readonly pid: number;
  readonly timeNs: bigint;
  /** Of what: the stage, `<pool>#<n>`, the event of the control group ('oom', 'high', 'max'); '' where the kind says it all. */
  readonly name: string;
  readonly kind: 'stage' | 'arena-created' | 'arena-released' | 'peak' | 'ledger' | 'cgroup-event';
}
