import { type FSWatcher, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Tells when a process announces its end, at once and not at the next tick. */
export interface EndWatch {
  close(): void;
}

/** The file by which a process that waits for its last reading is let go. */
export const readMarkOf = (storePath: string): string => `${storePath}.read`;

/**
 * An agent announces the end by writing to its store (`frozen_at_ns`), and waits a moment for the file `<store>.read`: memprof reads the
 * memory of the process meanwhile. Hardly anything else writes to a store: samplers have it mapped.
 * @param onWritten takes the reading; returns true if the process has announced its end, and waits.
 */
export function watchEnds(runDirectory: string, onWritten: (storeName: string) => boolean): EndWatch {
  let watcher: FSWatcher | undefined;
  const close = (): void => watcher?.close();
  try {
    watcher = watch(runDirectory, { persistent: false }, (_event, name) => {
      if (typeof name !== 'string' || !name.endsWith('.store') || !onWritten(name)) return;
      answer(readMarkOf(join(runDirectory, name)));
    });
    // The directory was removed, or inotify has no room: ends are then seen at the next tick, and their last reading is an older one.
    watcher.on('error', close);
  } catch {
    watcher = undefined; // no inotify instance left for this user
  }
  return { close };
}

function answer(path: string): void {
  try {
    writeFileSync(path, '', { mode: 0o600 });
  } catch {
    // A full tmpfs: the process waits its 20 ms and goes on.
  }
}
