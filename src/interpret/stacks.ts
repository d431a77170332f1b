import type { ProfileBuilder } from '../model/builder.js';
import type { LocationKind } from '../model/profile.js';
import type { CodeFrame, FrameFacts, Recogniser } from '../model/recognise.js';
import { createStackCleaner } from './clean-stack.js';
import { decodeFrame, type Frame } from './frame-word.js';
import type { ModuleIndex } from './modules.js';
import type { OwnCode } from './own-code.js';
import { scriptPath } from './script-path.js';
import { shortenName } from './symbolize/demangle.js';
import type { SymbolIndex } from './symbols.js';
import { NO_CALLER, type Tables } from './tables.js';

/** The call path of a trie node. */
export interface Stack {
  /** Location ids, leaf first. */
  readonly locations: readonly number[];
  /** Rules that it satisfies, as the recogniser numbers them. */
  readonly rules: readonly number[];
  /** Memprof's agent asked for this memory, not the program. */
  readonly isOurs: boolean;
}

/** Turns trie nodes into call paths; each frame word becomes one location. */
export interface StackReader {
  read(node: number): Stack;
  /** Native names as they are in the binaries, leaf first; '' for other frames. What V8's own mappings are recognised by. */
  systemNames(node: number): string[];
}

const V8_BUILTIN = /^Builtins_/;
const NO_FACTS: FrameFacts = { isJavaScript: false, isProgram: false, isWrapper: false, rules: [], callers: [] };
const UNKNOWN_STACK = '[stack not recorded]';

interface KnownFrame {
  readonly location: number;
  readonly systemName: string;
  /** Of functions and scripts as V8 names them; '' for native frames. */
  readonly name: string;
  readonly script: string;
  readonly isOurs: boolean;
  /** Entering a context may have put it there. */
  readonly isEntry: boolean;
  readonly facts: FrameFacts;
}

/** What the positions of one JavaScript function share. */
type KnownFunction = Pick<KnownFrame, 'name' | 'script' | 'isEntry' | 'facts'> & {
  readonly functionId: number;
  readonly line: number;
};

export interface StackContext {
  readonly tables: Tables;
  readonly modules: ModuleIndex;
  readonly symbols: SymbolIndex;
  readonly ownCode: OwnCode;
  readonly recogniser?: Recogniser | undefined;
}

export function createStackReader(
  builder: ProfileBuilder,
  { tables, modules, symbols, ownCode, recogniser }: StackContext,
): StackReader {
  const { words, ofNode, callers } = tables.frames();
  /** By index of the word. */
  const frames: (KnownFrame | undefined)[] = new Array(words.length).fill(undefined);
  const functions = new Map<number, KnownFunction>();
  const stacks = new Map<number, Stack>();
  const cleaner = createStackCleaner();
  const mappingIds = new Map<string, number>();
  // The program's own binary first: pprof's readers take mapping 1 for it.
  for (const module of [...modules.all].sort((a, b) => Number(b.isMain) - Number(a.isMain))) {
    const id = builder.addMapping({
      start: module.start,
      limit: module.end,
      fileOffset: 0n,
      file: module.path,
      buildId: module.buildId,
      hasFunctions: symbols.hasSymbols(module.path),
    });
    mappingIds.set(moduleKey(module), id);
  }

  function frameOf(node: number): KnownFrame {
    const index = ofNode[node] ?? 0;
    let known = frames[index];
    if (known === undefined) {
      const word = words[index] ?? 0n;
      const frame = decodeFrame(word);
      known = frame.kind === 'js' ? jsFrame(frame) : nativeFrame(word, frame);
      frames[index] = known;
    }
    return known;
  }

  function functionOf(index: number): KnownFunction {
    let known = functions.get(index);
    if (known === undefined) {
      const record = tables.function(index);
      const definition = symbols.function(index);
      const path = scriptPath(record?.script ?? '');
      const name = definition?.name || record?.name || '(anonymous)';
      const line = definition?.line ?? 0;
      const file = definition?.file || path;
      const own = { name: record?.name ?? '', script: record?.script ?? '' };
      known = {
        ...own,
        functionId: builder.addFunction({ name, systemName: name, file, startLine: line }),
        line,
        isEntry: cleaner.isEntry(own),
        facts: factsOf({ name, script: path }),
      };
      functions.set(index, known);
    }
    return known;
  }

  function jsFrame({ functionIndex, position, isApproximate }: Extract<Frame, { kind: 'js' }>): KnownFrame {
    const { functionId, line: start, name, script, isEntry, facts } = functionOf(functionIndex);
    const call = symbols.position(functionIndex, position);
    const line = { functionId, line: call?.line ?? start, column: call?.column ?? 0 };
    // Without a current position the line is where the function starts.
    const approximate = line.line > 0 && (isApproximate || call === undefined);
    const location = builder.addLocation({
      mappingId: 0,
      address: 0n,
      lines: [line],
      kind: 'js',
      ...(approximate && { approximate }),
    });
    return { location, systemName: '', name, script, isOurs: false, isEntry, facts };
  }

  function nativeFrame(word: bigint, frame: Extract<Frame, { kind: 'native' }>): KnownFrame {
    const module = modules.find(frame.address - 1n, frame.generation);
    const symbol = symbols.native(word);
    const isBuiltin = symbol !== undefined && V8_BUILTIN.test(symbol.systemName);
    // JIT code moves and goes: its addresses would only make equal stacks different.
    if (symbol === undefined && frame.isV8Code) return synthetic('[V8 code]', 'runtime');
    const functionId =
      symbol &&
      builder.addFunction({
        name: isBuiltin ? symbol.systemName.replace(V8_BUILTIN, '') : shortenName(symbol.name),
        systemName: symbol.systemName,
        file: '',
        startLine: 0,
      });
    const location = builder.addLocation({
      mappingId: module === undefined ? 0 : (mappingIds.get(moduleKey(module)) ?? 0),
      address: frame.address - 1n,
      lines: functionId === undefined ? [] : [{ functionId, line: 0, column: 0 }],
      kind: isBuiltin || frame.isV8Code ? 'runtime' : 'native',
    });
    return {
      location,
      systemName: symbol?.systemName ?? '',
      name: '',
      script: '',
      isOurs: module !== undefined && ownCode.isLibrary(module.path),
      isEntry: false,
      facts: factsOf({ name: symbol?.name ?? '', module: module?.path ?? '' }),
    };
  }

  function factsOf(frame: Partial<CodeFrame>): FrameFacts {
    return recogniser?.frame({ name: '', module: '', script: '', ...frame }) ?? NO_FACTS;
  }

  function rulesOf(frames: readonly KnownFrame[]): readonly number[] {
    if (recogniser === undefined || frames.every((frame) => frame.facts.rules.length === 0)) return NO_FACTS.rules;
    return recogniser.path(frames.map((frame) => frame.facts));
  }

  function synthetic(name: string, kind: LocationKind): KnownFrame {
    const functionId = builder.addFunction({ name, systemName: name, file: '', startLine: 0 });
    const lines = [{ functionId, line: 0, column: 0 }];
    const location = builder.addLocation({ mappingId: 0, address: 0n, lines, kind });
    return { location, systemName: '', name: '', script: '', isOurs: false, isEntry: false, facts: factsOf({ name }) };
  }

  /** The frames of a call path that are not ours, the leaf first; none if there is no such node. */
  function framesOf(node: number): readonly KnownFrame[] {
    const frames: KnownFrame[] = [];
    let hasEntry = false;
    for (let at = node; at !== 0; at = callers[at] ?? NO_CALLER) {
      if (at >= callers.length) return [];
      const frame = frameOf(at);
      // Our hooks are the leaf of every stack, and none of the program's.
      if (frame.isOurs && frames.length === 0) continue;
      hasEntry ||= frame.isEntry;
      frames.push(frame);
    }
    return hasEntry ? cleaner.clean(frames).frames : frames;
  }

  function build(node: number): Stack {
    const frames = framesOf(node);
    if (frames.length === 0) {
      return { locations: [synthetic(UNKNOWN_STACK, 'synthetic').location], rules: rulesOf([]), isOurs: false };
    }
    return {
      locations: frames.map((frame) => frame.location),
      rules: rulesOf(frames),
      isOurs: ownCode.isOurs(frames),
    };
  }

  return {
    read(node) {
      let stack = stacks.get(node);
      if (stack === undefined) {
        stack = build(node);
        stacks.set(node, stack);
      }
      return stack;
    },
    systemNames: (node) => framesOf(node).map((frame) => frame.systemName),
  };
}

function moduleKey(module: { readonly start: bigint; readonly path: string; readonly buildId: string }): string {
  return `${module.start}\0${module.path}\0${module.buildId}`;
}
