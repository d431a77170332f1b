import { fileURLToPath } from 'node:url';
import type { Symbols } from '../../recording/chunks.js';
import { FUNCTION_WASM } from '../../recording/wire.js';
import { decodeFrame } from '../frame-word.js';
import type { LoweredScript } from '../lowered.js';
import { scriptPath } from '../script-path.js';
import type { Tables } from '../tables.js';
import type { V8Frame } from '../v8-profile.js';
import type { NodeSources } from './node-sources.js';
import { liftSource, type Source } from './source.js';
import { functionAt } from './source-functions.js';

/** Where sources come from. */
export interface SourceAccess {
  readonly nodeSources: NodeSources;
  /** A file's text as the process compiled it: not if it was changed since that started. */
  readonly readSource: (path: string) => Source | undefined;
  /** What V8 was given in another form, by its names of scripts. */
  readonly lowered: ReadonlyMap<string, LoweredScript>;
}

type JavaScriptSymbols = Pick<Symbols, 'functions' | 'positions' | 'v8Functions' | 'scripts'>;

/** Names and places of the JavaScript frames among `words`, and of V8's own samples, from the sources on this machine. */
export function symbolizeJavaScript(
  words: Iterable<bigint>,
  tables: Tables,
  v8Frames: Iterable<V8Frame>,
  access: SourceAccess,
): JavaScriptSymbols {
  const sources = new Map<string, Source | undefined>();
  const functions = new Map<number, Symbols['functions'][number]>();
  const positions = new Map<string, Symbols['positions'][number]>();

  function sourceOf(script: string): Source | undefined {
    if (!sources.has(script)) {
      const source = readScript(script, access);
      const lowered = access.lowered.get(script);
      sources.set(script, source === undefined || lowered === undefined ? source : liftSource(source, lowered));
    }
    return sources.get(script);
  }

  for (const word of words) {
    const frame = decodeFrame(word);
    const record = frame.kind === 'js' ? tables.function(frame.functionIndex) : undefined;
    if (frame.kind !== 'js' || record === undefined || (record.flags & FUNCTION_WASM) !== 0) continue;
    const source = record.script === '' ? undefined : sourceOf(record.script);
    if (source === undefined) continue;
    const index = frame.functionIndex;
    const start = record.start < 0 ? -1 : source.fromCompiled(record.start);
    if (!functions.has(index) && start >= 0 && start <= source.length) {
      const place = source.placeOf(start);
      const end = record.end < 0 ? -1 : source.fromCompiled(record.end, true);
      const { name, script } = record;
      functions.set(index, [
        index,
        qualify(source, { name, script, start, end }),
        place.file,
        place.line,
        place.column,
      ]);
    }
    const position = frame.position < 0 ? -1 : source.fromCompiled(frame.position);
    if (position < 0 || position > source.length) continue;
    const { file, line, column } = source.placeOf(position);
    positions.set(`${index}:${frame.position}`, [index, frame.position, file, line, column]);
  }

  const v8Functions: NonNullable<Symbols['v8Functions']>[number][] = [];
  for (const { name, script, line, column } of v8Frames) {
    const source = script === '' || line <= 0 ? undefined : sourceOf(script);
    const start = source?.positionOf(line, column) ?? -1;
    if (source === undefined || start < 0 || start > source.length) continue;
    const place = source.placeOf(start);
    const qualified = qualify(source, { name, script, start, end: -1 });
    v8Functions.push([script, line, column, name, qualified, place.file, place.line, place.column]);
  }
  const missing = [...sources]
    .filter(([script, source]) => source === undefined && !scriptPath(script).startsWith(OUR_AGENT))
    .map(([script]) => script);
  return { functions: [...functions.values()], positions: [...positions.values()], v8Functions, scripts: missing };
}

/** The agent's own few functions have good names; they are not worth the time that everybody's run would take longer. */
const OUR_AGENT = fileURLToPath(new URL('../../agent/', import.meta.url));

function readScript(script: string, access: SourceAccess): Source | undefined {
  if (script.startsWith('node:')) return access.nodeSources(script);
  const path = scriptPath(script);
  return path.startsWith(OUR_AGENT) ? undefined : access.readSource(path);
}

const ANONYMOUS = '(anonymous)';

/**
 * V8's name for a function, made longer by what the source says around it. Where the two disagree V8 is right: it has seen the
 * function, the text only says how it was written.
 */
function qualify(
  source: Source,
  fn: { readonly name: string; readonly script: string; readonly start: number; readonly end: number },
): string {
  const name = fn.name === ANONYMOUS ? '' : fn.name;
  if (name === '' && fn.start === 0 && (fn.end < 0 || fn.end >= source.length - 1)) return '(top level)';
  // Node's own functions have good names, and parsing its sources would take longer than everything else.
  const functions = fn.script.startsWith('node:') ? undefined : source.functions();
  const found = functions === undefined ? undefined : functionAt(functions, fn.start, fn.end);
  if (found === undefined) return name || ANONYMOUS;
  return name === '' || name === found.key ? found.qualifiedName : name;
}
