import type { Symbols } from '../recording/chunks.js';
import { type V8Frame, v8FrameKey } from './v8-profile.js';

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
