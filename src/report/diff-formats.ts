import type { Profile } from '../model/profile.js';
import type { Diff } from '../schema/diff.js';
import { writeDiffMarkdown } from './diff-markdown.js';
import { writeDiffText } from './diff-text.js';
import type { Paint, PathOptions } from './options.js';
import { writePprof } from './pprof-write.js';
import { writeSpeedscope } from './speedscope.js';

/** What shows a difference as figures. A new format is one line here. */
export const DIFF_FORMATS = {
  text: writeDiffText,
  json: (diff) => `${JSON.stringify(diff, null, 2)}\n`,
  markdown: writeDiffMarkdown,
} as const satisfies Record<string, (diff: Diff, paint: Paint) => string>;
export type DiffFormat = keyof typeof DIFF_FORMATS;

/** What shows the call paths of a difference, a profile with negative values. */
export const PATH_FORMATS = {
  pprof: writePprof,
  speedscope: writeSpeedscope,
} as const satisfies Record<string, (profile: Profile, options: PathOptions) => string | Uint8Array>;
export type PathFormat = keyof typeof PATH_FORMATS;
