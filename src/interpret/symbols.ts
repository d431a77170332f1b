import type { NoticeTally } from '../model/notices.js';
import type { Symbols } from '../recording/chunks.js';
import { z } from '../schema/zod.js';
import type { ProcessRecording } from './process-recording.js';
import { type V8Frame, v8FrameKey } from './v8-profile.js';

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

/** A name, file and place, as SYMBOLS has it. Lines and columns are 1-based, 0 where unknown. */
export interface SourcePlace {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Symbols, ready to be asked. */
export interface SymbolIndex {
  native(word: bigint): { readonly systemName: string; readonly name: string } | undefined;
  function(index: number): SourcePlace | undefined;
  position(index: number, position: number): Omit<SourcePlace, 'name'> | undefined;
  v8Function(frame: V8Frame): SourcePlace | undefined;
  /** Whether names were found in a binary. */
  hasSymbols(path: string): boolean;
}

export function indexSymbols(symbols: Symbols): SymbolIndex {
  const native = new Map<bigint, { systemName: string; name: string }>();
  for (const [hex, , systemName, name] of symbols.native) {
    if (systemName !== '') native.set(BigInt(`0x${hex}`), { systemName, name });
  }
  const functions = new Map<number, SourcePlace>();
  for (const [index, name, file, line, column] of symbols.functions) functions.set(index, { name, file, line, column });
  const positions = new Map<string, Omit<SourcePlace, 'name'>>();
  for (const [index, position, file, line, column] of symbols.positions) {
    positions.set(`${index}:${position}`, { file, line, column });
  }
  const v8Functions = new Map<string, SourcePlace>();
  for (const [script, line, column, v8Name, name, file, toLine, toColumn] of symbols.v8Functions ?? []) {
    v8Functions.set(v8FrameKey({ name: v8Name, script, line, column }), { name, file, line: toLine, column: toColumn });
  }
  const named = new Set(symbols.modules.filter((module) => module.symbols !== 'none').map((module) => module.path));
  return {
    native: (word) => native.get(word),
    function: (index) => functions.get(index),
    position: (index, position) => positions.get(`${index}:${position}`),
    v8Function: (frame) => v8Functions.get(v8FrameKey(frame)),
    hasSymbols: (path) => named.has(path),
  };
}
