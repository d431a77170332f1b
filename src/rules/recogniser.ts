import type { FrameFacts, Place, Recogniser, Recognition } from '../model/recognise.js';
import { createFrameIndex, fileName } from './frame-index.js';
import { compilePatterns } from './pattern.js';
import type { Match, Patterns, Rule, Where } from './rule.js';

/** What a place leaves of the rules. */
interface RulesAtPlace {
  /** By number of the rule: its conditions on the place hold. */
  readonly allows: Uint8Array;
  /** The first of the rules that ask for nothing else; Infinity for none. */
  readonly first: number;
}

const NO_RULES: readonly number[] = [];

/**
 * Compiles rules: ordered, the first match wins. A call path costs a few comparisons a frame, whatever the number of rules, since what is
 * known of a frame is found out once.
 */
export function createRecogniser(rules: readonly Rule[]): Recogniser {
  const recognitions = rules.map(recognitionOf);
  const placeTests = rules.map(({ match }) => placeTest(match));
  const hasCallers = rules.map(({ match }) => match.caller !== undefined);
  const wheres = rules.map(({ match }) => match.where ?? 'anywhere');
  const isPlaceOnly = rules.map(({ match }) => !hasFrame(match));
  const isEverywhere = rules.map(({ match }) =>
    [match.heap, match.region, match.file].every((one) => one === undefined),
  );
  const places = new Map<string, RulesAtPlace>();

  function rulesAt({ heap, region = '', mappedFile = '' }: Place): RulesAtPlace {
    const key = `${heap}\0${region}\0${mappedFile}`;
    let known = places.get(key);
    if (known === undefined) {
      const allows = Uint8Array.from(placeTests, (test) => Number(test({ heap, region, mappedFile })));
      const first = isPlaceOnly.findIndex((is, number) => is && allows[number] === 1);
      known = { allows, first: first === -1 ? Number.POSITIVE_INFINITY : first };
      places.set(key, known);
    }
    return known;
  }

  return {
    frame: createFrameIndex(rules),
    path(frames) {
      let found = NO_RULES;
      /** A rule that holds wherever the memory lies: no later one can win. */
      let last = Number.POSITIVE_INFINITY;
      let ends: Ends | undefined;
      let callersAt: Map<number, number> | undefined;
      for (let at = 0; at < frames.length; at++) {
        const ofFrame = frames[at]?.rules ?? NO_RULES;
        if (ofFrame.length === 0) continue;
        for (const number of ofFrame) {
          if (number >= last) break;
          if (found.includes(number)) continue;
          ends ??= endsOf(frames);
          const where = wheres[number] ?? 'anywhere';
          if (at > ends[where]) continue;
          if (hasCallers[number]) {
            callersAt ??= outermostCallers(frames, ends, wheres);
            if ((callersAt.get(number) ?? 0) <= at) continue;
          }
          found = [...found, number];
          if (isEverywhere[number]) last = number;
        }
      }
      return found.length < 2 ? found : found.filter((number) => number <= last).sort((a, b) => a - b);
    },
    recognise(path, place) {
      const { allows, first } = rulesAt(place);
      const number = path.find((one) => allows[one] === 1) ?? first;
      return recognitions[Math.min(number, first)];
    },
  };
}

type Ends = Readonly<Record<Where, number>>;

/** Of each part of a call path, the index of its last frame. */
function endsOf(frames: readonly FrameFacts[]): Ends {
  const last = frames.length - 1;
  let leaf = 0;
  while (leaf < last && frames[leaf]?.isWrapper) leaf++;
  let native = leaf;
  while (native < last && !frames[native]?.isJavaScript) native++;
  let innermost = native;
  while (innermost < last && !frames[innermost]?.isProgram) innermost++;
  return { anywhere: last, leaf, native: frames[native]?.isJavaScript ? native - 1 : native, innermost };
}

/** By number of the rule, where the outermost frame is that can be its caller. */
function outermostCallers(frames: readonly FrameFacts[], ends: Ends, wheres: readonly Where[]): Map<number, number> {
  const callers = new Map<number, number>();
  for (let at = 1; at < frames.length; at++) {
    const ofFrame = frames[at]?.callers ?? NO_RULES;
    if (ofFrame.length === 0) continue;
    for (const number of ofFrame) {
      if (at <= ends[wheres[number] === 'anywhere' ? 'anywhere' : 'innermost']) callers.set(number, at);
    }
  }
  return callers;
}

function hasFrame({ function: name, module, script, package: inPackage }: Match): boolean {
  return [name, module, script, inPackage].some((patterns) => patterns !== undefined);
}

function placeTest({
  heap,
  region,
  file,
}: Match): (place: Record<'heap' | 'region' | 'mappedFile', string>) => boolean {
  const test = (patterns: Patterns | undefined): ((text: string) => boolean) =>
    patterns === undefined ? () => true : compilePatterns(patterns);
  const isHeap = test(heap);
  const isRegion = test(region);
  const files = file === undefined ? undefined : [file].flat();
  const isPath = compilePatterns(files?.filter((pattern) => pattern.includes('/')) ?? []);
  const isFile = compilePatterns(files?.filter((pattern) => !pattern.includes('/')) ?? []);
  return (place) =>
    isHeap(place.heap) &&
    isRegion(place.region) &&
    (files === undefined ||
      (place.mappedFile !== '' && (isPath(place.mappedFile) || isFile(fileName(place.mappedFile)))));
}

function recognitionOf({ name, pool, arena = pool, stage }: Rule): Recognition {
  return { rule: name, pool, arena, ...(stage !== undefined && { stage }) };
}
