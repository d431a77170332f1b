import { frameReader } from '../model/frames.js';
import { INUSE_SPACE, type Profile, type Sample } from '../model/profile.js';
import type { Recogniser, Recognition } from '../model/recognise.js';
import type { Amount, RulesUse } from '../model/rule-use.js';
import { hasUnknownArena } from './unknown-arena.js';

/** The same rules, under whose names a profile is put together: each arena is then one rule. */
export function byRule(recogniser: Recogniser): Recogniser & { readonly found: ReadonlyMap<string, Recognition> } {
  const found = new Map<string, Recognition>();
  const renamed = new Map<Recognition, Recognition>();
  return {
    ...recogniser,
    found,
    recognise(path, place) {
      const recognition = recogniser.recognise(path, place);
      if (recognition === undefined) return undefined;
      found.set(recognition.rule, recognition);
      const result = renamed.get(recognition) ?? { ...recognition, arena: recognition.rule };
      renamed.set(recognition, result);
      return result;
    },
  };
}

/** @param profile one that was made with `byRule`, whose `found` is the other parameter. */
export function rulesUse(profile: Profile, found: ReadonlyMap<string, Recognition>, maxStacks: number): RulesUse {
  const { samples } = profile;
  const totalBytes = sumOf(samples);
  const amount = (some: readonly Sample[]): Amount => {
    const bytes = sumOf(some);
    const observations = some.reduce((sum, one) => sum + one.observations, 0);
    return { bytes, observations, share: totalBytes === 0 ? 0 : bytes / totalBytes };
  };
  const kinds = groupBy(samples, kindOf);
  const byName = groupBy(kinds.get('rule') ?? [], ({ labels }) => labels.arena ?? '');
  const unknown = kinds.get('unknown') ?? [];
  const framesOf = frameReader(profile);
  return {
    rules: [...byName]
      .map(([rule, some]) => {
        const { pool = '', arena = '' } = found.get(rule) ?? {};
        return { rule, pool, arena, ...amount(some) };
      })
      .sort((a, b) => b.bytes - a.bytes || b.observations - a.observations),
    named: amount(kinds.get('named') ?? []),
    v8: amount(kinds.get('v8') ?? []),
    unknown: amount(unknown),
    unknownStacks: [...groupBy(unknown, ({ stack, labels }) => `${labels.heap} ${stack.join(' ')}`).values()]
      .map((some) => ({ ...amount(some), heap: some[0]?.labels.heap ?? '', frames: some[0] ? framesOf(some[0]) : [] }))
      .filter(({ bytes }) => bytes > 0)
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, maxStacks),
    totalBytes,
  };
}

function kindOf(sample: Sample): 'rule' | 'v8' | 'unknown' | 'named' {
  const source = sample.labels.arena_source;
  if (source === 'rule' || source === 'v8') return source;
  return hasUnknownArena(sample.labels) ? 'unknown' : 'named';
}

const sumOf = (samples: readonly Sample[]): number => samples.reduce((sum, { values }) => sum + values[INUSE_SPACE], 0);

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [item]);
    else known.push(item);
  }
  return groups;
}
