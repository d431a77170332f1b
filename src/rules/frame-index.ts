import type { CodeFrame, FrameFacts } from '../model/recognise.js';
import { compilePattern, compilePatterns } from './pattern.js';
import { createPatternIndex, type PatternIndex } from './pattern-index.js';
import { qualifiedName } from './qualified-name.js';
import type { FrameMatch, Rule } from './rule.js';

/** A condition on one frame, of one rule. */
interface Condition {
  readonly rule: number;
  readonly isCaller: boolean;
  /** Whether a frame that was found by one of its texts has the others too. */
  readonly holds: (texts: Texts) => boolean;
}

/** What patterns are compared with; '' where a frame has no such thing. */
interface Texts {
  readonly full: string;
  readonly bare: string;
  readonly module: string;
  readonly script: string;
  readonly scriptFile: string;
  readonly package: string;
}

type TextName = keyof Texts;

const NO_RULES: readonly number[] = [];

/** Tells for each frame which rules it would satisfy. */
export function createFrameIndex(rules: readonly Rule[]): (frame: CodeFrame) => FrameFacts {
  const indexes: Partial<Record<TextName, PatternIndex<Condition>>> = {};

  function add(match: FrameMatch, rule: number, isCaller: boolean): void {
    const tests = testsOf(match);
    // Frames are found by the condition that fewest of them have: the name of a function, if there is one.
    const [first, ...others] = tests;
    if (first === undefined) return;
    const condition = { rule, isCaller, holds: (texts: Texts) => others.every((test) => test.holds(texts)) };
    const withItself = { rule, isCaller, holds: (texts: Texts) => tests.every((test) => test.holds(texts)) };
    for (const source of first.sources) {
      const text = first.textFor(source);
      // With its parameters a name is found by what is before them.
      const isFull = text === 'full';
      const index = isFull ? 'bare' : text;
      indexes[index] ??= createPatternIndex();
      indexes[index].add(
        compilePattern(isFull ? source.replace(/[(<].*/s, '*') : source),
        isFull ? withItself : condition,
      );
    }
  }

  for (const [number, { match }] of rules.entries()) {
    add(match, number, false);
    if (match.caller !== undefined) add(match.caller, number, true);
  }
  const names = (Object.keys(indexes) as TextName[]).filter((name) => name !== 'bare');
  const byPlace = new Map<string, readonly Condition[]>();

  /** Functions of one binary or script share what was found by its path. */
  function conditionsByPlace(texts: Texts, key: string): readonly Condition[] {
    let conditions = byPlace.get(key);
    if (conditions === undefined) {
      conditions = names.flatMap((name) => (texts[name] === '' ? [] : (indexes[name]?.find(texts[name]) ?? [])));
      byPlace.set(key, conditions);
    }
    return conditions;
  }

  function factsOf(frame: CodeFrame): FrameFacts {
    const texts = textsOf(frame);
    const conditions = [
      ...(texts.bare === '' ? [] : (indexes.bare?.find(texts.bare) ?? [])),
      ...conditionsByPlace(texts, frame.module || frame.script),
    ].filter((condition) => condition.holds(texts));
    return {
      isJavaScript: frame.script !== '',
      isProgram: frame.script !== '' && !frame.script.startsWith('node:'),
      isWrapper: WRAPPER.test(texts.bare) || WRAPPER_MODULE.test(texts.module),
      rules: numbersOf(conditions, false),
      callers: numbersOf(conditions, true),
    };
  }

  /** By place, then by name: the processes of one run have the same code. */
  const known = new Map<string, Map<string, FrameFacts>>();
  return (frame) => {
    const place = frame.module || frame.script;
    const ofPlace = known.get(place) ?? new Map<string, FrameFacts>();
    known.set(place, ofPlace);
    const facts = ofPlace.get(frame.name) ?? factsOf(frame);
    ofPlace.set(frame.name, facts);
    return facts;
  };
}

const WRAPPER =
  /^(?:operator new|std::|__gnu_cxx::|(?:malloc|calloc|realloc|memalign|aligned_alloc|posix_memalign|mmap|mmap64)$)/;
const WRAPPER_MODULE = /^lib(?:std)?c\+\+/;

function numbersOf(conditions: readonly Condition[], isCaller: boolean): readonly number[] {
  const numbers = conditions.filter((condition) => condition.isCaller === isCaller).map(({ rule }) => rule);
  return numbers.length === 0 ? NO_RULES : [...new Set(numbers)].sort((a, b) => a - b);
}

function textsOf({ name, module, script }: CodeFrame): Texts {
  return {
    full: name,
    bare: script === '' ? qualifiedName(name) : name,
    module: fileName(module),
    script,
    scriptFile: fileName(script),
    package: packageOf(script),
  };
}

interface Test {
  readonly sources: readonly string[];
  readonly textFor: (source: string) => TextName;
  readonly holds: (texts: Texts) => boolean;
}

function testsOf(match: FrameMatch): Test[] {
  const test = (patterns: string | readonly string[] | undefined, textFor: (source: string) => TextName): Test[] => {
    if (patterns === undefined) return [];
    const sources = [patterns].flat();
    const tests = sources.map((source) => ({ text: textFor(source), matches: compilePatterns(source) }));
    return [{ sources, textFor, holds: (texts) => tests.some(({ text, matches }) => matches(texts[text])) }];
  };
  return [
    ...test(match.function, (source) => (/\((?!anonymous namespace)/.test(source) ? 'full' : 'bare')),
    ...test(match.script, (source) => (source.includes('/') ? 'script' : 'scriptFile')),
    ...test(match.package, () => 'package'),
    ...test(match.module, () => 'module'),
  ];
}

/** Last component of a path. */
export const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

const IN_PACKAGE = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//;

/** The innermost package that the script lies in; '' outside of `node_modules`. */
const packageOf = (script: string): string => IN_PACKAGE.exec(script)?.[1] ?? '';
