/**
 * How the current context reaches a sampled allocation, also after await: the first of the carriers that passes its self-test in this
 * thread. docs/explanation/arena-carriers.md.
 */
import cped = require('./carrier-cped.cjs');
import ring = require('./carrier-ring.cjs');
import smi = require('./carrier-smi.cjs');

import type { Carrier, CarrierKind, NativeCarrier, StartedCarrier } from './carrier-types.cjs';

const KINDS: readonly CarrierKind[] = [cped, smi, ring];
const NONE: StartedCarrier = { source: 'none', current: () => 0, run: (_context, fn) => fn() };

/**
 * The last numbers that a context can have, and 0 within them; any other value read back says that the carrier does not work. A sample that is
 * taken meanwhile finds no such tag, unless the table of tags is full.
 */
const TEST_CONTEXTS = [65_535, 65_534, 0, 65_533] as const;
const RECHECK_MASK = 0x3ff;

const { setTimeout, queueMicrotask } = globalThis;

/** To be called when the thread names its first tag, once: from then on it pays what its carrier costs. */
function startCarrier(native: NativeCarrier): Carrier {
  let next = 0;
  let runs = 0;
  let active = NONE;

  function startNext(): void {
    active = NONE;
    while (next < KINDS.length && active === NONE) {
      const started = KINDS[next++]?.start(native);
      if (started === undefined) continue;
      if (passes(started, native)) active = started;
      else stop(started);
    }
    if (active !== NONE) testLater(active, native, giveUp);
  }

  function stop(failed: StartedCarrier): void {
    native.carrierStop();
    failed.stop?.();
  }

  /** A carrier that fails gives wrong answers or none: it is not asked again. */
  function giveUp(failed: StartedCarrier): void {
    if (active !== failed) return;
    stop(failed);
    startNext();
  }

  function recheck(): void {
    active.repair?.();
    if (active !== NONE && !passes(active, native)) giveUp(active);
  }

  startNext();
  return {
    get source() {
      return active.source;
    },
    run(context, fn) {
      if ((++runs & RECHECK_MASK) === 0) recheck();
      return active.run(context, fn);
    },
    current: () => active.current(),
  };
}

/** Set and read back, by us and by the sampler. */
function passes(carrier: StartedCarrier, native: NativeCarrier): boolean {
  const holds = (context: number): boolean => carrier.current() === context && native.carrierCurrent() === context;
  return TEST_CONTEXTS.every((context) =>
    carrier.run(TEST_CONTEXTS[0], () => carrier.run(context, () => holds(context)) && holds(TEST_CONTEXTS[0])),
  );
}

/** One await, one microtask and one timer, each with a context of its own, while the program goes on. */
function testLater(carrier: StartedCarrier, native: NativeCarrier, fail: (carrier: StartedCarrier) => void): void {
  const check = (context: number): void => {
    if (native.carrierCurrent() !== context) fail(carrier);
  };
  const [first, second, , third] = TEST_CONTEXTS;
  carrier.run(first, async () => {
    await undefined;
    check(first);
  });
  carrier.run(second, () => queueMicrotask(() => check(second)));
  carrier.run(third, () => setTimeout(() => check(third), 1).unref());
}

export = { startCarrier };
