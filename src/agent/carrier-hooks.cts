/** What the carriers of Node 20 and 22 need of the inside of node:async_hooks. */
import asyncHooks = require('node:async_hooks');

/** Node's binding, of which only this is used. */
interface AsyncWrap {
  /** [executionAsyncId, ...] of the moment. */
  readonly async_id_fields: Float64Array;
  /** How many hooks of each kind there are, and how deep callbacks are nested. */
  readonly async_hook_fields: Uint32Array;
  readonly constants: Readonly<Record<string, number>>;
  getPromiseHooks(): readonly unknown[];
  setPromiseHooks(init: undefined, before: undefined, after: undefined, settled: undefined): void;
}

interface Hooks {
  readonly asyncIds: Float64Array;
  readonly asyncIdIndex: number;
  readonly fields: Uint32Array;
  readonly depthIndex: number;
  /** How many callbacks of async hooks there are in all, the program's and ours. */
  countCallbacks(): number;
  /** What V8 calls for promises: init, before, after, settled. */
  promiseHooks(): readonly unknown[];
  /**
   * V8 stops to tell of promises. Node sets it up again when somebody enables or disables a hook. Not to be called within a promise job that V8
   * told of: its end would go unseen, and Node ends the process when its stack of asynchronous ids does not come out even.
   */
  dropPromiseHooks(): void;
}

const { createHook } = asyncHooks;

/** Undefined where the binding is missing, or is another than we know. */
function openHooks(): Hooks | undefined {
  const wrap = openBinding();
  if (!(wrap?.async_id_fields instanceof Float64Array) || !(wrap.async_hook_fields instanceof Uint32Array))
    return undefined;
  const { async_id_fields, async_hook_fields, constants } = wrap;
  const { kExecutionAsyncId, kStackLength, kTotals } = constants;
  if (kExecutionAsyncId === undefined || kStackLength === undefined || kTotals === undefined) return undefined;
  return {
    asyncIds: async_id_fields,
    asyncIdIndex: kExecutionAsyncId,
    fields: async_hook_fields,
    depthIndex: kStackLength,
    countCallbacks: () => async_hook_fields[kTotals] ?? 0,
    promiseHooks: () => wrap.getPromiseHooks(),
    dropPromiseHooks: () => wrap.setPromiseHooks(undefined, undefined, undefined, undefined),
  };
}

/** Node warns of process.binding() (DEP0111), but the program has not called it. */
function openBinding(): AsyncWrap | undefined {
  const { emitWarning } = process;
  const binding: unknown = Reflect.get(process, 'binding');
  if (typeof binding !== 'function' || !Reflect.set(process, 'emitWarning', () => undefined)) return undefined;
  try {
    return binding.call(process, 'async_wrap') as AsyncWrap;
  } catch {
    return undefined; // refused: a policy, or a Node without it
  } finally {
    Reflect.set(process, 'emitWarning', emitWarning);
  }
}

export = { createHook, openHooks };
