import { readFileSync, statSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { dirname, join } from 'node:path';
import type { TraceMap } from '@jridgewell/trace-mapping';
import type { LoweredScript } from '../lowered.js';
import { findFunctions, type SourceFunction } from './source-functions.js';

let mapping: typeof import('@jridgewell/trace-mapping') | undefined;

/** Loaded by the first source map. */
function traceMapping(): typeof import('@jridgewell/trace-mapping') {
  mapping ??= nodeModule.createRequire(import.meta.url)(
    '@jridgewell/trace-mapping',
  ) as typeof import('@jridgewell/trace-mapping');
  return mapping;
}

/** A place in a source file; 1-based. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The text of a script as V8 compiled it. */
export interface Source {
  /** Where a UTF-16 offset is, in the original source if there is a source map. */
  placeOf(position: number): Place;
  /** The offset of a 1-based place; -1 if the text has no such line. */
  positionOf(line: number, column: number): number;
  /** Functions by their names; undefined if the text could not be parsed. */
  functions(): readonly SourceFunction[] | undefined;
  readonly length: number;
  /**
   * The offset in this text of one in what V8 compiled, which is another text with --async-labels.
   * @param isEnd the offset is behind the last unit of something.
   */
  fromCompiled(offset: number, isEnd?: boolean): number;
}

/** The source of a script that V8 was given in another form. */
export function liftSource(source: Source, lowered: LoweredScript): Source {
  return {
    ...source,
    positionOf(line, column) {
      const start = source.positionOf(line, 1);
      return start < 0 ? -1 : lowered.toOriginal(lowered.lineStart(start) + column - 1);
    },
    fromCompiled: lowered.toOriginal,
  };
}

/** Larger than any script that people write or bundle. */
const MAX_SOURCE_BYTES = 128 << 20;

/**
 * Reads a script from this machine's disk.
 * @param notAfterMs a file that was changed later is not what was profiled: not used.
 * @returns undefined if it is not to be had.
 */
export function readSource(path: string, notAfterMs: number): Source | undefined {
  if (!path.startsWith('/')) return undefined;
  const text = readText(path, notAfterMs);
  return text === undefined ? undefined : createSource(path, text, findSourceMap(path, text, notAfterMs));
}

function readText(path: string, notAfterMs: number): string | undefined {
  try {
    const stat = statSync(path);
    // A pipe would block, a device would not end.
    if (!stat.isFile() || stat.size > MAX_SOURCE_BYTES || stat.mtimeMs > notAfterMs) return undefined;
    // V8 never sees the byte order mark.
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch {
    return undefined; // moved, or not ours to read: listed in SYMBOLS as not to be had
  }
}

/** @param path of the generated file; what `placeOf` says where there is no map. */
export function createSource(path: string, text: string, map: TraceMap | undefined): Source {
  const lineStarts = findLineStarts(text);
  let functions: readonly SourceFunction[] | undefined | null = null;

  function placeOf(position: number): Place {
    const index = lastNotAbove(lineStarts, position);
    const generated = { file: path, line: index + 1, column: position - (lineStarts[index] ?? 0) + 1 };
    if (map === undefined) return generated;
    const original = traceMapping().originalPositionFor(map, { line: generated.line, column: generated.column - 1 });
    // A damaged map may name a source that it does not list.
    if (typeof original.source !== 'string') return generated;
    return { file: original.source.replace(/^file:\/\//, ''), line: original.line, column: original.column + 1 };
  }

  return {
    placeOf,
    positionOf(line, column) {
      const start = lineStarts[line - 1];
      return start === undefined ? -1 : start + column - 1;
    },
    functions() {
      if (functions === null) functions = parseFunctions(path, text);
      return functions;
    },
    length: text.length,
    fromCompiled: (offset) => offset,
  };
}

/** Offsets at which lines begin. Line ends are those of ECMAScript: LF, CR, CRLF, U+2028, U+2029. */
function findLineStarts(text: string): number[] {
  const starts = [0];
  // Three searches of the engine's own are quicker than one regular expression that is not compiled yet.
  if (['\r', '\u2028', '\u2029'].some((end) => text.includes(end))) {
    for (const match of text.matchAll(/\r\n|[\n\r\u2028\u2029]/g)) starts.push(match.index + match[0].length);
  } else {
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  }
  return starts;
}

function lastNotAbove(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) <= value) low = middle;
    else high = middle;
  }
  return low;
}

const MAP_COMMENT = /^\s*\/[/*][#@]\s*sourceMappingURL=([^\s*]+)/;

function findSourceMap(path: string, text: string, notAfterMs: number): TraceMap | undefined {
  const at = text.lastIndexOf('sourceMappingURL=');
  if (at === -1) return undefined;
  const lineStart = Math.max(text.lastIndexOf('\n', at), text.lastIndexOf('\r', at)) + 1;
  const url = MAP_COMMENT.exec(text.slice(lineStart))?.[1];
  if (url === undefined) return undefined;
  const inline = /^data:application\/json[^,]*?(;base64)?,(.*)$/s.exec(url);
  const mapPath = inline ? path : join(dirname(path), decodeSafely(url));
  const json = inline
    ? Buffer.from(decodeSafely(inline[2] ?? ''), inline[1] ? 'base64' : 'utf8').toString('utf8')
    : /^[a-z]+:/i.test(url)
      ? undefined
      : readText(mapPath, notAfterMs);
  if (json === undefined) return undefined;
  try {
    return new (traceMapping().TraceMap)(json.replace(/^\)\]\}'[^\n]*\n/, ''), mapPath);
  } catch {
    return undefined; // a damaged map: the places of the generated file are still right
  }
}

function decodeSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % in a file name
  }
}

/** Parsing more would take longer than a report may: such bundles keep V8's own names. */
const MAX_PARSED_UNITS = 16 << 20;

function parseFunctions(path: string, text: string): readonly SourceFunction[] | undefined {
  if (text.length > MAX_PARSED_UNITS) return undefined;
  const script = isTypeScript(path) ? stripTypes(text) : text;
  return script === undefined ? undefined : findFunctions(script);
}

const isTypeScript = (path: string): boolean => /\.[cm]?ts$/.test(path);

/** Types replaced by blanks, as Node does it before it compiles: offsets stay. Undefined where our Node cannot. */
function stripTypes(text: string): string | undefined {
  const strip = (nodeModule as { stripTypeScriptTypes?: (text: string) => string }).stripTypeScriptTypes;
  if (strip === undefined) return undefined;
  const emitWarning = process.emitWarning;
  try {
    // It warns once that it is experimental; nobody who profiles wants to know.
    process.emitWarning = () => undefined;
    return strip(text);
  } catch {
    return undefined; // enums and the like: V8's own names stay
  } finally {
    process.emitWarning = emitWarning;
  }
}
