import type { Labels } from '../model/profile.js';
import type { Recogniser, Recognition } from '../model/recognise.js';

/** The labels with what a rule says, or as they are where the program named an arena or no rule matches. */
export type RuleLabeller = (labels: Labels, path: readonly number[], mappedFile?: string) => Labels;

/** One of each process: equal labels stay one object. */
export function createRuleLabeller(recogniser: Recogniser | undefined): RuleLabeller {
  if (recogniser === undefined) return (labels) => labels;
  const known = new Map<Labels, Map<Recognition, Labels>>();

  return (labels, path, mappedFile) => {
    if (isNamed(labels)) return labels;
    const found = recogniser.recognise(path, { heap: labels.heap, region: labels.arena, mappedFile });
    if (found === undefined) return labels;
    const ofLabels = known.get(labels) ?? new Map<Recognition, Labels>();
    known.set(labels, ofLabels);
    const result = ofLabels.get(found) ?? withRule(labels, found);
    ofLabels.set(found, result);
    return result;
  };
}

/** The program knows best. A stage alone leaves the arena to the rules. */
function isNamed({ arena, pool, arena_source: source }: Labels): boolean {
  if (source === undefined || source === 'allocator' || source === 'v8') return false;
  return arena !== undefined || pool !== undefined;
}

function withRule(labels: Labels, { pool, arena, stage }: Recognition): Labels {
  return { ...(stage !== undefined && { stage }), ...labels, pool, arena, arena_source: 'rule' };
}
