import type { Profile } from '../model/profile.js';
import type { ReportOptions } from './options.js';

/** summary.json: canonical, described by docs/reference/summary.schema.json. */
export function writeJson(_profile: Profile, { summary }: ReportOptions): string {
  return `${JSON.stringify(summary, null, 2)}\n`;
}
