type Step = <T>(fn: () => T) => T;
type Source<T> = AsyncIterable<T> | Iterable<T>;
type Result<T> = IteratorResult<T> | Promise<IteratorResult<T>>;

/**
 * `source`, with each step taken inside `run`. As with `for await`, a synchronous source will do, and its promises are awaited.
 * The source's iterator is made with the first step: a stream that nobody reads is not locked.
 * @throws TypeError if `source` is no iterable.
 */
export function streamIn<T>(run: Step, source: Source<T>): AsyncIterableIterator<T> {
  const isAsync = hasIterator(source, Symbol.asyncIterator);
  if (!isAsync && !hasIterator(source, Symbol.iterator)) throw new TypeError('memprof: stream needs an iterable');
  let iterator: AsyncIterator<T> | Iterator<T> | undefined;
  let isDone = false;

  async function step(take: (inner: AsyncIterator<T> | Iterator<T>) => Result<T>): Promise<IteratorResult<T>> {
    const result = await run(() => {
      iterator ??= isAsync
        ? (source as AsyncIterable<T>)[Symbol.asyncIterator]()
        : (source as Iterable<T>)[Symbol.iterator]();
      return take(iterator);
    });
    if (result.done) isDone = true;
    return isAsync ? result : ({ done: result.done, value: await result.value } as IteratorResult<T>);
  }

  const stream: AsyncIterableIterator<T> = {
    async next(...args) {
      return isDone ? { done: true, value: undefined } : step((inner) => inner.next(...args));
    },
    async return(value) {
      const wasDone = isDone;
      isDone = true;
      // One that was not begun has nothing to end, as with generators.
      if (wasDone || iterator?.return === undefined) return { done: true, value: await value };
      return step((inner) => inner.return?.(value) ?? { done: true, value });
    },
    async throw(error) {
      if (!isDone && iterator?.throw !== undefined)
        return step((inner) => inner.throw?.(error) ?? Promise.reject(error));
      await stream.return?.();
      throw error;
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}

function hasIterator(source: unknown, key: symbol): boolean {
  return source !== null && source !== undefined && typeof Reflect.get(Object(source), key) === 'function';
}
