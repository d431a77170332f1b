/** What the agent's carriers share. Types only. */

/** The carrier functions of the native library; each acts on the calling thread. */
export interface NativeCarrier {
  /** To be called inside `storage.run(context, ...)`. True if contexts can be read from V8's continuation-preserved data. */
  carrierCped(storage: object, context: number): boolean;
  /** The isolate's word of continuation-preserved data: [0, context] while we use it. Undefined if that cannot be. */
  carrierSmi(): Int32Array | undefined;
  /** The arrays must stay alive as long as the thread: native/src/carrier.h draws an entry. */
  carrierRing(asyncId: Float64Array, shortLived: Int32Array, others: Int32Array): boolean;
  carrierStop(): void;
  /** The context that a sample would get now. */
  carrierCurrent(): number;
}

export type CarrierSource = 'cped' | 'smi' | 'ring' | 'none';

export interface Carrier {
  /** As `arena_source` of samples has it. */
  readonly source: CarrierSource;
  /** Calls `fn`; in it, and in all asynchronous work that it starts, `context` (a tag; 0: none) is the current one. */
  run<T>(context: number, fn: () => T): T;
  current(): number;
}

/** One way to carry: what it can be started with, or undefined where this Node does not have it. */
export interface CarrierKind {
  start(native: NativeCarrier): (Carrier & { repair?(): void }) | undefined;
}
