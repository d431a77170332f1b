import type { Diff } from '../schema/diff.js';
import { writeDiffText } from './diff-text.js';
import type { Paint } from './options.js';

/** What shows a difference as figures. A new format is one line here. */
export const DIFF_FORMATS = {
  text: writeDiffText,
  json: (diff) => `${JSON.stringify(diff, null, 2)}\n`,
} as const satisfies Record<string, (diff: Diff, paint?: Paint) => string>;
export type DiffFormat = keyof typeof DIFF_FORMATS;
