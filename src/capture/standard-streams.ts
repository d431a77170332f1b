import { writeSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';

/**
 * Keeps Node from opening the standard streams of this process, which the profiled program shares.
 *
 * Node opens `process.stdin`, `stdout` and `stderr` when they are first touched, and opening a pipe sets O_NONBLOCK on
 * it: the program's write(2) then fails with EAGAIN where it used to wait, and output is lost. They are touched in
 * unexpected places: by any `import` of `node:process` or (from Node 22) of `node:util`, and when a socket is
 * destroyed. So they are replaced, before the program starts, by streams that write to the descriptor and never change
 * it. docs/adr/0006 tells the story.
 */
export function leaveStandardStreamsAlone(): void {
  replace('stdin', new Readable({ read: () => undefined }));
  replace('stdout', plainWriter(1));
  replace('stderr', plainWriter(2));
}

function replace(name: 'stdin' | 'stdout' | 'stderr', stream: Readable | Writable): void {
  Object.defineProperty(process, name, { configurable: true, enumerable: true, value: stream });
}

function plainWriter(fd: number): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      try {
        writeSync(fd, chunk);
      } catch {
        // Closed or full: what Node itself wants to say here (a warning) is not worth more.
      }
      done();
    },
  });
}
