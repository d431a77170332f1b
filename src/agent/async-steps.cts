/**
 * Takes what lower-async.cts made of async functions through their awaits: each step is taken in the context that the function was called in,
 * and below its marker. Frames of this file are taken out of the program's stacks, as those of enter.cts.
 */

type Steps = Iterator<unknown, unknown, unknown>;

/** Of enter.cts. */
interface Tags {
  current(): number;
  resume<A, B, C, T>(context: number, call: (a: A, b: B, c: C) => T, a: A, b: B, c: C): T;
}

interface AsyncSteps {
  /** @param body a generator function: its parameters may throw. */
  start(self: unknown, body: (...args: unknown[]) => Steps, args: ArrayLike<unknown>): Promise<unknown>;
  each(): Loop;
}

/** One `for await`; lower-async.cts draws what calls it. */
interface Loop extends Iterable<unknown> {
  value: unknown;
  over(source: unknown): Loop;
  take(result: unknown): boolean;
  fail(error: unknown): unknown;
  isOpen(): boolean;
  close(): unknown;
}

// Of the engine: programs replace Promise.
const { Promise: EnginePromise } = globalThis;
const { apply } = Reflect;
const { then } = EnginePromise.prototype;

/** @param tagsNow undefined while the program has named nothing. */
function createAsyncSteps(tagsNow: () => Tags | undefined): AsyncSteps {
  function start(self: unknown, body: (...args: unknown[]) => Steps, args: ArrayLike<unknown>): Promise<unknown> {
    const tags = tagsNow();
    const context = tags?.current() ?? 0;
    let steps: Steps | undefined;
    let resolve: (value: unknown) => void = () => undefined;
    let reject: (error: unknown) => void = resolve;
    const promise = new EnginePromise((onResult, onFailure) => {
      resolve = onResult;
      reject = onFailure;
    });

    function step(method: 'next' | 'throw', value: unknown): void {
      let result: IteratorResult<unknown, unknown>;
      try {
        const generator: Steps = steps ?? apply(body, self, args);
        steps = generator;
        result =
          tags === undefined || context === 0
            ? call(generator, method, value)
            : tags.resume(context, call, generator, method, value);
      } catch (error) {
        reject(error);
        return;
      }
      if (result.done) resolve(result.value);
      else apply(then, EnginePromise.resolve(result.value), [onValue, onError]);
    }
    const onValue = (value: unknown): void => step('next', value);
    const onError = (error: unknown): void => step('throw', error);
    step('next', undefined);
    return promise;
  }
  return { start, each };
}

function call(steps: Steps, method: 'next' | 'throw', value: unknown): IteratorResult<unknown, unknown> {
  return method === 'next' ? steps.next(value) : (steps.throw?.(value) as IteratorResult<unknown, unknown>);
}

function each(): Loop {
  let iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  let isAsync = true;
  /** Between a step's begin and its result: what fails then has ended the source by itself. */
  let isWaiting = false;
  let isDone = false;
  let hasFailed = false;

  function next(): Promise<unknown> | unknown {
    isWaiting = true;
    const result = iterator?.next() as IteratorResult<unknown>;
    if (isAsync || result.done) return result;
    return apply(then, EnginePromise.resolve(result.value), [(value: unknown) => ({ done: false, value })]);
  }

  const loop: Loop = {
    value: undefined,
    over(source) {
      const object = source as AsyncIterable<unknown> & Iterable<unknown>;
      const open = object[Symbol.asyncIterator];
      isAsync = open !== undefined && open !== null;
      iterator = isAsync ? apply(open, object, []) : object[Symbol.iterator]();
      return loop;
    },
    [Symbol.iterator]: () => ({ next: () => ({ done: false, value: next() }) }),
    take(result) {
      isWaiting = false;
      if (typeof result !== 'object' || result === null)
        throw new TypeError(`Iterator result ${String(result)} is not an object`);
      const { done, value } = result as IteratorResult<unknown>;
      if (done) isDone = true;
      else loop.value = value;
      return isDone;
    },
    fail(error) {
      hasFailed = true;
      return error;
    },
    isOpen: () => iterator !== undefined && !isDone && !isWaiting,
    close() {
      isDone = true;
      const closed = hasFailed ? closeQuietly() : iterator?.return?.();
      return closed;
    },
  };

  /** The error that ended the loop counts, not one of the source's end. */
  function closeQuietly(): unknown {
    try {
      const closed = iterator?.return?.();
      return apply(then, EnginePromise.resolve(closed), [undefined, () => undefined]);
    } catch {
      return undefined; // as the language has it
    }
  }
  return loop;
}

export = { createAsyncSteps };
