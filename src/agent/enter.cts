/**
 * Entering a context: what of the tags stays on the stack while code of the program runs. As pass-through.cts, it is taken out of the
 * program's stacks; what allocates memory of its own is in tags.cts, whose frames are dropped with it.
 */
import type { Carrier, Entered, Marker } from './types.cjs';

/** What a context is entered with. */
interface Entrance {
  readonly carrier: Carrier;
  /** The word of this thread that native code reads first: the context of a leaf call, or 0. */
  readonly leafWord: Int32Array;
  /** What it is to be in the tag while `current` is the context; undefined: the tag is none of ours. */
  enteredFrom(current: number, tag: number): Entered | undefined;
}

interface Enter {
  current(): number;
  run<T>(tag: number, fn: () => T): T;
  leaf<This, Args extends unknown[], T>(tag: number, fn: (this: This, ...args: Args) => T, self: This, args: Args): T;
}

function createEnter({ carrier, leafWord, enteredFrom }: Entrance): Enter {
  const current = (): number => leafWord[0] || carrier.current();

  function run<T>(tag: number, fn: () => T): T {
    const entered = enteredFrom(current(), tag);
    if (entered === undefined) return fn();
    const { context, marker } = entered;
    const leaf = leafWord[0] ?? 0;
    if (leaf !== 0) return runInLeaf(leaf, context, marker, fn);
    return marker === undefined ? carrier.run(context, fn) : marker(carrier.run, context, fn, undefined);
  }

  /** The innermost counts: a leaf call that enters a context is no longer a leaf. */
  function runInLeaf<T>(leaf: number, context: number, marker: Marker | undefined, fn: () => T): T {
    leafWord[0] = 0;
    try {
      return marker === undefined ? carrier.run(context, fn) : marker(carrier.run, context, fn, undefined);
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

  return { current, run, leaf };
}

/** Kept from before the program can replace it. */
const { apply: reflectApply } = Reflect;

function apply<This, Args extends unknown[], T>(fn: (this: This, ...args: Args) => T, self: This, args: Args): T {
  return reflectApply(fn, self, args);
}

/** Where nothing follows the program through its awaits: the context of what runs now, synchronously. */
function createSyncCarrier(): Carrier {
  let here = 0;
  return {
    source: 'none',
    current: () => here,
    run(context, fn) {
      const outer = here;
      here = context;
      try {
        return fn();
      } finally {
        here = outer;
      }
    },
  };
}

export = { createEnter, createSyncCarrier };
