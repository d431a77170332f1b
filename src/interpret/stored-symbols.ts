import type { NoticeTally } from '../model/notices.js';
import type { Symbols } from '../recording/chunks.js';
import { z } from '../schema/zod.js';
import type { ProcessRecording } from './process-recording.js';

const whole = z.number().int();
const schema = z.object({
  modules: z.array(z.object({ path: z.string(), buildId: z.string(), symbols: z.enum(['symtab', 'dynsym', 'none']) })),
  native: z.array(z.tuple([z.string().regex(/^[0-9a-f]{1,16}$/), whole, z.string(), z.string(), z.number()])),
  functions: z.array(z.tuple([whole, z.string(), z.string(), whole, whole])),
  positions: z.array(z.tuple([whole, whole, z.string(), whole, whole])),
  v8Functions: z
    .array(z.tuple([z.string(), whole, whole, z.string(), z.string(), z.string(), whole, whole]))
    .optional()
    .default([]),
  scripts: z.array(z.string()),
});

/** Reads a SYMBOLS payload; undefined if it makes no sense. */
function parseSymbols(payload: Buffer): Symbols | undefined {
  try {
    return schema.safeParse(JSON.parse(payload.toString('utf8'))).data;
  } catch {
    return undefined; // not JSON: the caller says so
  }
}

/** What the recording has; undefined, with a notice, if that makes no sense. */
export function storedSymbols(recording: ProcessRecording, notices: NoticeTally): Symbols | undefined {
  const payload = recording.symbols === undefined ? undefined : recording.stream.read(recording.symbols);
  const stored = payload === undefined ? undefined : parseSymbols(payload);
  if (payload !== undefined && stored === undefined) {
    const message = 'the stored symbols make no sense; made anew from this machine';
    notices.add({ code: 'SYMBOLS_DAMAGED', message, pid: recording.identity.pid });
  }
  return stored;
}
