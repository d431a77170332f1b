/** Reads what memprof asks for: the control file, `struct mp_control` in native/src/control.h. */
import fs = require('node:fs');

import type { Control, ProfileReason } from './types.cjs';

/** Offsets of `struct mp_control`; test/agent/wire.test.ts holds them against src/recording/wire.ts. */
const CONTROL = {
  magic: 0,
  version: 8,
  flags: 12,
  v8IntervalBytes: 24,
  snapshotRequest: 40,
  snapshotReason: 48,
} as const;
const CONTROL_MAGIC = 0x4c5254434f52504dn;
const WIRE_VERSION = 2;
const NO_V8 = 2;
const V8_EXACT = 4;
const ASYNC_LABELS = 8;
const READ_BYTES = 56;
const DEFAULT_INTERVAL_BYTES = 512 * 1024;
/** `snapshot_reason` as the lines spell it. */
const REASONS: readonly ProfileReason[] = ['demand', 'timer', 'demand', 'peak'];

/** @throws the error of open(2), or one that says that the file is not a control file of our version. */
function openControl(runDirectory: string): Control {
  const fd = fs.openSync(`${runDirectory}/control`, 'r');
  const page = Buffer.alloc(READ_BYTES);
  fs.readSync(fd, page, 0, READ_BYTES, 0);
  if (page.readBigUInt64LE(CONTROL.magic) !== CONTROL_MAGIC || page.readUInt32LE(CONTROL.version) !== WIRE_VERSION) {
    fs.closeSync(fd);
    throw new Error('not a control file of this version');
  }
  let seenRequest = page.readBigUInt64LE(CONTROL.snapshotRequest);
  const interval = Number(page.readBigUInt64LE(CONTROL.v8IntervalBytes));
  const requestBytes = READ_BYTES - CONTROL.snapshotRequest;
  const { readSync } = fs;

  function takeRequest(): ProfileReason | undefined {
    readSync(fd, page, CONTROL.snapshotRequest, requestBytes, CONTROL.snapshotRequest);
    const request = page.readBigUInt64LE(CONTROL.snapshotRequest);
    if (request === seenRequest) return undefined;
    seenRequest = request;
    return REASONS[page.readUInt32LE(CONTROL.snapshotReason)] ?? 'demand';
  }

  const flags = page.readUInt32LE(CONTROL.flags);
  return {
    v8: (flags & NO_V8) === 0,
    exact: (flags & V8_EXACT) !== 0,
    asyncLabels: (flags & ASYNC_LABELS) !== 0,
    intervalBytes: interval > 0 ? interval : DEFAULT_INTERVAL_BYTES,
    takeRequest,
  };
}

export = { CONTROL, WIRE_VERSION, openControl };
