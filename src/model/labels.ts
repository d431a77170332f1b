import type { Labels } from './profile.js';

/** Names of the labels, in the order in which reports show them. */
export const LABEL_NAMES = [
  'heap',
  'arena',
  'pool',
  'tier',
  'stage',
  'label',
  'thread',
  'pid',
  'arena_source',
] as const satisfies readonly (keyof Labels)[];

/** The same text for equal labels, a different one for different labels, whatever the order of the fields. */
export function labelsKey(labels: Labels): string {
  return LABEL_NAMES.map((name) => labels[name] ?? '').join('\0');
}
