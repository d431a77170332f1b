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

/** What a sample's arena is called; a pool's bytes outside its arenas, and a heap's outside all, have a name of their own. */
export function arenaName({ arena, pool, heap }: { arena?: string; pool?: string; heap: string }): string {
  return arena ?? `${pool ?? heap} (no arena)`;
}

/** The program's own labels one by one: `model=small,tenant=acme`. Keys have no `=`, neither keys nor values a comma. */
export function labelPairs(label: string): (readonly [key: string, value: string])[] {
  if (label === '') return [];
  return label.split(',').map((pair) => {
    const at = pair.indexOf('=');
    return at === -1 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
  });
}
