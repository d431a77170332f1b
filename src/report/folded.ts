import { type Frame, frameReader, placeOf } from '../model/frames.js';
import { INUSE_SPACE, type Labels, type Profile } from '../model/profile.js';
import { printable } from './format.js';
import type { ReportOptions } from './options.js';
import { rootReader } from './roots.js';

/**
 * Collapsed stacks as flamegraph.pl and its kin read them: `heap;root;...;leaf bytes`, one line a stack, bytes in use. Equal
 * stacks are merged and sorted. The heap is the root frame, because the format has no labels; with `--by` pool, arena, stage or label, those are.
 */
export function writeFolded(profile: Profile, options?: ReportOptions): string {
  const frames = frameReader(profile);
  const by = options?.summary.groups?.by;
  const isByLabels = by === 'pool' || by === 'arena' || by === 'stage' || by === 'label';
  const rootsOf = isByLabels ? rootReader(profile, by) : ({ heap }: Labels) => ({ names: [heap] });
  const bytesByStack = new Map<string, number>();
  for (const sample of profile.samples) {
    const path = frames(sample).reverse().map(frameText);
    const stack = [...rootsOf(sample.labels).names, ...path].map(escapeFrame).join(';');
    bytesByStack.set(stack, (bytesByStack.get(stack) ?? 0) + sample.values[INUSE_SPACE]);
  }
  return [...bytesByStack]
    .map(([stack, bytes]) => ({ stack, bytes: Math.round(bytes) }))
    .filter(({ bytes }) => bytes !== 0)
    .sort((a, b) => (a.stack < b.stack ? -1 : 1))
    .map(({ stack, bytes }) => `${stack} ${bytes}\n`)
    .join('');
}

function frameText(frame: Frame): string {
  return frame.file ? `${frame.name} (${placeOf(frame)})` : frame.name;
}

/** `;` parts frames and a line end ends the stack; readers take what follows the last blank as the number. */
export function escapeFrame(text: string): string {
  return printable(text.replaceAll(';', ':')) || '(unknown)';
}
