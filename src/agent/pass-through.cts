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

/** As callBefore, with the arguments that `change` makes of those that were given. */
function callWith(holder: object, key: string, change: (args: readonly unknown[]) => readonly unknown[]): void {
  replace(
    holder,
    key,
    (original) =>
      function (this: unknown, ...args: unknown[]): unknown {
        let changed: readonly unknown[] = args;
        quietly(() => {
          changed = change(args);
        });
        return Reflect.apply(original, this, changed);
      },
  );
}

/** As callBefore; where `before` gives true, what was there is not called. */
function callUnless(holder: object, key: string, before: (args: readonly unknown[]) => boolean): void {
  replace(
    holder,
    key,
    (original) =>
      function (this: unknown, ...args: unknown[]): unknown {
        let isDone = false;
        quietly(() => {
          isDone = before(args);
        });
        return isDone ? undefined : Reflect.apply(original, this, args);
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
 * Calls `atExit` after the listeners of process's 'exit' without being one: the program's listener counts stay as they are and
 * removeAllListeners() cannot remove us. Node's C++ and its JavaScript look `process.emit` up for each event; until the process
 * exits they find what they always found, so that no stack of the program's gets a frame of ours.
 */
function watchExit(atExit: (code: unknown) => void): void {
  const holder = Object.getPrototypeOf(process);
  const inherited = Object.getPrototypeOf(holder);
  /** What the program, or another tool, put in its place. node:domain replaces the inherited one. */
  let assigned: Callable | undefined = Object.getOwnPropertyDescriptor(process, 'emit')?.value;

  function emitOfExit(this: unknown, ...args: unknown[]): unknown {
    try {
      return Reflect.apply(assigned ?? inherited.emit, this, args);
    } finally {
      if (args[0] === 'exit') quietly(() => atExit(args[1]));
    }
  }
  Object.defineProperty(assigned === undefined ? holder : process, 'emit', {
    get: () => (Reflect.get(process, '_exiting') === true ? emitOfExit : (assigned ?? inherited.emit)),
    set: (value) => {
      assigned = value;
    },
    enumerable: assigned !== undefined,
    configurable: true,
  });
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

export = { callAfter, callBefore, callLater, callUnless, callWith, watchExit };
