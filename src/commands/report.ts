import { isatty } from 'node:tty';
import { fold, SPEEDSCOPE_MAX_STACKS } from '../analyze/fold.js';
import { GROUPINGS, type GroupBy } from '../analyze/group.js';
import { summarize } from '../analyze/summary.js';
import { EXIT } from '../errors.js';
import { FILE_FORMATS, FORMATS, type FormatName, type ReportOptions } from '../report/index.js';
import { parseReportFlags } from '../schema/flags.js';
import { coloursFor } from '../ui/colour.js';
import { paintFor } from '../ui/paint.js';
import { withProgress } from '../ui/progress.js';
import { openTerminal } from '../ui/terminal.js';
import { memprofVersion } from '../version.js';
import { ledgersForPage, PAGE_SITES } from './page.js';
import { loadProfile } from './profile-source.js';
import { mustNotExist, mustNotGoToTerminal, writeResult, writeResultFile } from './result.js';

/**
 * `memprof report`: shows a recording or a pprof file in any format.
 * @param at the moment that a page opens at.
 * @throws MemprofError (exit code 2) for flags and inputs that are not usable.
 */
export async function report(source: string, raw: Record<string, unknown>, at?: ReportOptions['at']): Promise<void> {
  const choices = { formats: Object.keys(FORMATS), groupings: GROUPINGS };
  const flags = parseReportFlags(raw, choices, EXIT.usage);
  const format = flags.format as FormatName;
  if (flags.output !== undefined) mustNotExist(flags.output, flags.force);
  else if (FILE_FORMATS.has(format)) mustNotGoToTerminal(format);

  const terminal = openTerminal();
  const profile = await withProgress(terminal, 'memprof: reading the recording', () =>
    loadProfile(source, flags.moment, flags.config),
  );
  const by = flags.by as GroupBy | undefined;
  const top = format === 'html' ? PAGE_SITES : undefined;
  const summary = summarize(profile, { memprofVersion: memprofVersion(), ...(by && { by }), ...(top && { top }) });
  const isDrawn = format === 'speedscope' || format === 'html';
  const shown = isDrawn ? fold(profile, SPEEDSCOPE_MAX_STACKS) : profile;
  const isPlain = flags.output !== undefined;
  const content = FORMATS[format](shown, {
    summary,
    ...(format === 'html' && { ledgers: await ledgersForPage(source, flags.config), ...(at && { at }) }),
    ...(!isPlain && { paint: paintFor(coloursFor(isatty(1))) }),
  });
  if (flags.output === undefined) await writeResult(content);
  else writeResultFile(flags.output, content);
}
