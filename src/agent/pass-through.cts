/**
 * Every function of ours that stays on the stack while code of the program runs below it. They live in one file so that
 * encode-profile.cts can take their frames out of the program's stacks; all other frames of the agent are dropped with what they call.
 */

type Callable = (this: unknown, ...args: unknown[]) => unknown;

/** Replaces `holder[key]` by a function that calls `before`, then what was there. */
function callBefore(holder: object, key: string, before: (args: readonly unknown[]) => void): void {
  replace(
    holder,
    key,
    (original) =>
      function (this: unknown, ...args: unknown[]): unknown {
        quietly(() => before(args));
        return Reflect.apply(original, this, args);
      },
  );
}

/** As callBefore, with `after` called at the end, unless the original throws. */
function callAfter(holder: object, key: string, after: (args: readonly unknown[]) => void): void {
  replace(
    holder,
    key,
    (original) =>
      function (this: unknown, ...args: unknown[]): unknown {
        const result = Reflect.apply(original, this, args);
        quietly(() => after(args));
        return result;
      },
  );
}

/** As callBefore, for a function that gives a promise: it is called once `before` has resolved. */
function callLater(holder: object, key: string, before: (self: unknown) => Promise<void>): void {
  replace(
    holder,
    key,
    (original) =>
      async function (this: unknown, ...args: unknown[]): Promise<unknown> {
        await before(this).catch(() => undefined); // then it is called as if we had not been here
        return Reflect.apply(original, this, args);
      },
  );
}

/**
 * Sees each event that `process` emits, after its listeners, without being a listener: the program's listener counts stay
 * as they are and removeAllListeners() cannot remove us. Both Node's C++ and its JavaScript look `process.emit` up each time.
 */
function watchProcessEvents(after: (event: unknown, argument: unknown) => void): void {
  const own = Object.getOwnPropertyDescriptor(process, 'emit');
  const inherited = Object.getPrototypeOf(process);
  const emit = function (this: NodeJS.Process, ...args: unknown[]): boolean {
    try {
      // The inherited one is looked up anew: node:domain replaces it.
      return Reflect.apply(own?.value ?? inherited.emit, this, args);
    } finally {
      quietly(() => after(args[0], args[1]));
    }
  };
  Object.defineProperties(emit, { name: { value: 'emit' }, length: { value: 1 } });
  const enumerable = own?.enumerable ?? false;
  Object.defineProperty(process, 'emit', { value: emit, writable: true, enumerable, configurable: true });
}

/** The new function looks like the old one: name, length, own properties, descriptor. What is not there stays away. */
function replace(holder: object, key: string, wrap: (original: Callable) => Callable): void {
  const descriptor = Object.getOwnPropertyDescriptor(holder, key);
  const original: Callable | undefined = descriptor?.value;
  if (!descriptor?.configurable || typeof original !== 'function') return;
  const wrapper = wrap(original);
  Object.defineProperties(wrapper, Object.getOwnPropertyDescriptors(original));
  Object.defineProperty(holder, key, { ...descriptor, value: wrapper });
}

function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // Inside somebody's program: whatever went wrong costs a line of ours, never one of theirs.
  }
}

export = { callAfter, callBefore, callLater, watchProcessEvents };
