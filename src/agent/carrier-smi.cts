/**
 * The carrier of Node 22 while the program has no async hooks and no AsyncLocalStorage: V8 already carries one word over every await, and
 * Node does not use it yet. The context stands there as a small integer, so a switch is two stores and an await costs nothing.
 * Timers, sockets, ticks and all else that is no promise come with async hooks, without V8's promise hooks.
 */
import asyncHooks = require('node:async_hooks');
import util = require('node:util');
import hooksFile = require('./carrier-hooks.cjs');
import stampFile = require('./carrier-stamp.cjs');

import type { NativeCarrier, StartedCarrier } from './carrier-types.cjs';

/** Contexts of the newest resources by async id; what has been overwritten is stamped on the resource. */
const RING_BITS = 16;
const RING_MASK = 2 ** RING_BITS - 1;
const MAX_DEPTH = 1024;
const NO_ID = -1;

const { executionAsyncResource } = asyncHooks;
const { queueMicrotask } = globalThis;
const { isPromise } = util.types;

function start(native: NativeCarrier): StartedCarrier | undefined {
  const hooks = hooksFile.openHooks();
  // With hooks of the program's, promises are told of anyway: then the ring costs less.
  if (hooks === undefined || hooks.countCallbacks() > 0 || hooks.promiseHooks().some(Boolean)) return undefined;
  const slot = native.carrierSmi();
  if (slot === undefined) return undefined;
  const { fields, depthIndex } = hooks;
  const ids = new Float64Array(2 ** RING_BITS).fill(NO_ID);
  const contexts = new Int32Array(2 ** RING_BITS);
  const promiseIds = new Float64Array(2 ** RING_BITS).fill(NO_ID);
  const enteredIds = new Float64Array(MAX_DEPTH).fill(NO_ID);
  const saved = new Int32Array(MAX_DEPTH);

  const current = (): number => (slot[0] === 0 ? (slot[1] as number) : 0);
  const set = (context: number): void => {
    slot[0] = 0;
    slot[1] = context;
  };

  function init(id: number, type: string, _trigger: number, resource: object): void {
    const index = id & RING_MASK;
    if (type === 'PROMISE') {
      promiseIds[index] = id;
      return;
    }
    const context = current();
    ids[index] = id;
    contexts[index] = context;
    if (context !== 0 && type !== 'TickObject') stampFile.stamp(resource, id, context);
  }

  function before(id: number): void {
    const index = id & RING_MASK;
    if (promiseIds[index] === id) return; // V8 has set the slot
    const depth = fields[depthIndex] as number;
    if (depth >= MAX_DEPTH) return;
    let context = 0;
    if (ids[index] === id) {
      context = contexts[index] as number;
    } else {
      const resource = executionAsyncResource();
      if (isPromise(resource)) return;
      context = stampFile.contextOf(resource, id);
    }
    saved[depth] = current();
    enteredIds[depth] = id;
    set(context);
  }

  /** Back to what was before it, which is not nothing: a callback can be called from within another one. */
  function after(id: number): void {
    const depth = fields[depthIndex] as number;
    if (depth >= MAX_DEPTH || enteredIds[depth] !== id) return;
    enteredIds[depth] = NO_ID;
    set(saved[depth] as number);
  }

  const hook = hooksFile.createHook({ init, before, after }).enable();
  const ownCallbacks = hooks.countCallbacks();
  const ownPromiseHooks = hooks.promiseHooks();
  hooks.dropPromiseHooks();

  /** Whether Node tells of promises, and nobody but us is told. */
  const isTelling = (): boolean =>
    hooks.countCallbacks() === ownCallbacks &&
    hooks.promiseHooks().some(Boolean) &&
    hooks.promiseHooks().every((hook, index) => hook === ownPromiseHooks[index]);

  return {
    source: 'smi',
    current,
    run(context, fn) {
      const outer = current();
      set(context);
      try {
        return fn();
      } finally {
        set(outer);
      }
    },
    /** The program has had hooks of its own for a while, and Node has turned promise hooks on for ours as well: in a microtask they can go. */
    repair() {
      if (isTelling())
        queueMicrotask(() => {
          if (isTelling() && fields[depthIndex] === 1) hooks.dropPromiseHooks();
        });
    },
    stop() {
      hook.disable();
      set(0);
    },
  };
}

export = { start };
