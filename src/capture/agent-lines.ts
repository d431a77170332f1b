import { closeSync, openSync, readSync } from 'node:fs';

/** Follows one `<pid>.<threadId>.agent.jsonl` file. */
export interface AgentTail {
  /** Whole lines that came since the last call, without the newline. A line that is cut off is never given. */
  readLines(): Buffer[];
  close(): void;
}

const PIECE_BYTES = 1 << 20;
/** A V8 profile of 100 k nodes is about 10 MB; more than this is not a line of our agent's. */
const MAX_LINE_BYTES = 256 << 20;
const NEWLINE = 0x0a;
/** Shared by all followers: each call leaves nothing in it. */
const piece = Buffer.alloc(PIECE_BYTES);

/** @throws the error of open(2). */
export function followAgentFile(path: string): AgentTail {
  const fd = openSync(path, 'r');
  let offset = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;

  function takeLine(tail: Buffer): Buffer {
    const line = Buffer.concat([...pending, tail]);
    pending = [];
    pendingBytes = 0;
    return line;
  }

  function readLines(): Buffer[] {
    const lines: Buffer[] = [];
    for (;;) {
      const got = readSync(fd, piece, 0, PIECE_BYTES, offset);
      if (got === 0) return lines;
      offset += got;
      let start = 0;
      for (let end = piece.indexOf(NEWLINE); end !== -1 && end < got; end = piece.indexOf(NEWLINE, start)) {
        const isOurs = pendingBytes < MAX_LINE_BYTES;
        const line = takeLine(piece.subarray(start, end));
        if (isOurs && line.length > 0) lines.push(line);
        start = end + 1;
      }
      if (pendingBytes < MAX_LINE_BYTES && start < got) pending.push(Buffer.from(piece.subarray(start, got)));
      pendingBytes += got - start;
    }
  }

  return { readLines, close: () => closeSync(fd) };
}
