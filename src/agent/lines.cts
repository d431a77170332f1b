/** The agent's output: one JSON object per line. docs/reference/recording.md, "Agent lines". */
import fs = require('node:fs');

import type { LineFile } from './types.cjs';

/** Files of one pid and thread: a pid can run several programs one after the other with exec(2), and pids come round again. */
const MAX_IMAGES = 1000;
/** Added to the thread id in the file's name for each image that was there before. */
const IMAGE_STEP = 1_000_000;

// Kept from before the program can replace them: its fake clock and its stubbed fs must not reach the recording.
const { openSync, writeSync, closeSync, constants } = fs;
const now = Date.now;
const stringify = JSON.stringify;

/**
 * Opens `<pid>.<threadId>.agent.jsonl` now and keeps it open: later the program may change user, root or folder.
 * @throws the error of open(2).
 */
function openLines(runDirectory: string, threadId: number): LineFile {
  let fd = createFile(runDirectory, threadId);

  function write(type: string, fields: object): void {
    if (fd < 0) return;
    const value = { type, timeUnixNs: `${now()}000000`, ...fields };
    const line = `${hasToJson() ? stringify(value, original) : stringify(value)}\n`;
    try {
      const bytes = writeSync(fd, line);
      if (bytes < Buffer.byteLength(line)) writeRest(Buffer.from(line), bytes);
    } catch {
      // ENOSPC, EFBIG: a cut line is dropped by readers, and so must be the one that would be glued to it.
      close();
    }
  }

  function writeRest(line: Buffer, written: number): void {
    for (let at = written; at < line.length; ) at += writeSync(fd, line, at);
  }

  function close(): void {
    const closing = fd;
    fd = -1;
    closeSync(closing);
  }

  return { write };
}

/** Some programs give every object or array a toJSON. */
function hasToJson(): boolean {
  return 'toJSON' in Object.prototype || 'toJSON' in Array.prototype;
}

/** A replacer that takes what toJSON made of a value back. */
function original(this: Record<string, unknown>, key: string): unknown {
  return this[key];
}

function createFile(runDirectory: string, threadId: number): number {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL;
  for (let image = 0; ; image++) {
    try {
      return openSync(`${runDirectory}/${process.pid}.${threadId + image * IMAGE_STEP}.agent.jsonl`, flags, 0o600);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST' || image === MAX_IMAGES) throw cause;
    }
  }
}

export = { openLines };
