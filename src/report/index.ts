import type { Profile } from '../model/profile.js';
import { writeFolded } from './folded.js';
import { writeHtml } from './html/index.js';
import { writeJson } from './json.js';
import type { ReportOptions } from './options.js';
import { writePprof } from './pprof-write.js';
import { writeSpeedscope } from './speedscope.js';
import { writeText } from './text.js';

export { type Paint, type PathOptions, PLAIN, type ReportOptions } from './options.js';
export { writePprofInBackground } from './pprof-write.js';
export { speedscopePieces } from './speedscope.js';

export type Format = (profile: Profile, options: ReportOptions) => string | Uint8Array;

/**
 * Every output format. All take what `summarize` of analyze/ made of the same profile:
 *
 *     const summary = summarize(profile, { memprofVersion, by });
 *     FORMATS.text(profile, { summary, paint });
 *     FORMATS.speedscope(fold(profile, SPEEDSCOPE_MAX_STACKS), { summary });
 */
export const FORMATS = {
  text: writeText,
  json: writeJson,
  pprof: writePprof,
  speedscope: writeSpeedscope,
  folded: writeFolded,
  html: writeHtml,
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof FORMATS;

/** Formats that must not go to a terminal: nobody could read them there. */
export const FILE_FORMATS: ReadonlySet<FormatName> = new Set(['pprof', 'html']);
