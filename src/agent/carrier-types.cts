/** What the agent's carriers share. Types only. */

/** Follows the context of what runs, through awaits and timers. */
export interface Carrier {
  /** How the context is found, as the labels of samples have it; 'none': it is not followed. */
  readonly source: 'cped' | 'smi' | 'ring' | 'none';
  current(): number;
  /** Calls `fn`; in it, and in all asynchronous work that it starts, `context` (a tag; 0: none) is the current one. Needs no `this`. */
  run<T>(context: number, fn: () => T): T;
}

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

/** A carrier that works, as far as one can tell at once. */
export interface StartedCarrier extends Carrier {
  /** Makes good what the program's own hooks have left behind. Called now and then, outside of everything. */
  repair?(): void;
  /** Takes its hooks away: it has failed a test. */
  stop?(): void;
}

/** One way to carry: undefined where this Node, or this program, does not have it. */
export interface CarrierKind {
  start(native: NativeCarrier): StartedCarrier | undefined;
}
