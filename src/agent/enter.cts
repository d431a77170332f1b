/**
 * Entering a context: what of the tags stays on the stack while code of the program runs. As pass-through.cts, it is taken out of the
 * program's stacks; what allocates memory of its own is in tags.cts, whose frames are dropped with it.
 */
import type { Carrier } from './carrier-types.cjs';
import type { Entered, Marker } from './types.cjs';

/** What a context is entered with. */
interface Entrance {
  /** Follows the program through its awaits; undefined: there is nothing that could. */
  readonly startCarrier: (() => Carrier) | undefined;
  /** The word of this thread that native code reads first: the context of a leaf call, or 0. */
  readonly leafWord: Int32Array;
  /** What it is to be in the tag while `current` is the context; undefined: the tag is none of ours. */
  enteredFrom(current: number, tag: number): Entered | undefined;
  /** The context with this tag; undefined: it is none of this thread's. */
  enteredAs(context: number): Entered | undefined;
}

interface Enter {
  /** To be called before the first run: from then on the program pays what its carrier costs. */
  begin(): void;
  current(): number;
  run<T>(tag: number, fn: () => T): T;
  /** Calls `call(a, b, c)` in a context that is the current one, or was. */
  resume<A, B, C, T>(context: number, call: (a: A, b: B, c: C) => T, a: A, b: B, c: C): T;
  leaf<This, Args extends unknown[], T>(tag: number, fn: (this: This, ...args: Args) => T, self: This, args: Args): T;
}

function createEnter({ startCarrier, leafWord, enteredFrom, enteredAs }: Entrance): Enter {
  const sync = createSyncCarrier(leafWord);
  let carrier: Carrier = sync;
  let hasBegun = false;

  function begin(): void {
    if (hasBegun) return;
    hasBegun = true;
    carrier = startCarrier?.() ?? sync;
  }

  const current = (): number => leafWord[0] || carrier.current();

  function run<T>(tag: number, fn: () => T): T {
    const entered = enteredFrom(current(), tag);
    if (entered === undefined) return fn();
    const { context, marker } = entered;
    const leaf = leafWord[0] ?? 0;
    // One that has failed its tests later on carries nothing.
    const { run: carry } = carrier.source === 'none' ? sync : carrier;
    if (leaf !== 0) return runInLeaf(leaf, context, marker, carry, fn);
    return marker === undefined ? carry(context, fn) : marker(carry, context, fn, undefined);
  }

  function resume<A, B, C, T>(context: number, call: (a: A, b: B, c: C) => T, a: A, b: B, c: C): T {
    const marker = enteredAs(context)?.marker;
    if (current() === context) return marker === undefined ? call(a, b, c) : marker(call, a, b, c);
    const { run: carry } = carrier.source === 'none' ? sync : carrier;
    return carry(context, () => (marker === undefined ? call(a, b, c) : marker(call, a, b, c)));
  }

  /** The innermost counts: a leaf call that enters a context is no longer a leaf. */
  function runInLeaf<T>(
    leaf: number,
    context: number,
    marker: Marker | undefined,
    carry: Carrier['run'],
    fn: () => T,
  ): T {
    leafWord[0] = 0;
    try {
      return marker === undefined ? carry(context, fn) : marker(carry, context, fn, undefined);
    } finally {
      leafWord[0] = leaf;
    }
  }

  function leaf<This, Args extends unknown[], T>(
    tag: number,
    fn: (this: This, ...args: Args) => T,
    self: This,
    args: Args,
  ): T {
    const entered = enteredFrom(current(), tag);
    if (entered === undefined) return apply(fn, self, args);
    const outer = leafWord[0] ?? 0;
    leafWord[0] = entered.context;
    try {
      return entered.marker === undefined ? apply(fn, self, args) : entered.marker(apply, fn, self, args);
    } finally {
      leafWord[0] = outer;
    }
  }

  return { begin, current, run, resume, leaf };
}

/** Kept from before the program can replace it. */
const { apply: reflectApply } = Reflect;

function apply<This, Args extends unknown[], T>(fn: (this: This, ...args: Args) => T, self: This, args: Args): T {
  return reflectApply(fn, self, args);
}

/** Where nothing follows the program through its awaits: what runs now, synchronously, is a leaf. */
function createSyncCarrier(leafWord: Int32Array): Carrier {
  return {
    source: 'none',
    current: () => leafWord[0] ?? 0,
    run(context, fn) {
      const outer = leafWord[0] ?? 0;
      leafWord[0] = context;
      try {
        return fn();
      } finally {
        leafWord[0] = outer;
      }
    },
  };
}

export = { createEnter };
