import { isatty } from 'node:tty';
import { diff as compare } from '../analyze/diff.js';
import { GROUPINGS, type GroupBy } from '../analyze/group.js';
import { EXIT } from '../errors.js';
import { DIFF_FORMATS, type DiffFormat } from '../report/diff-formats.js';
import { parseReportFlags } from '../schema/flags.js';
import { coloursFor } from '../ui/colour.js';
import { paintFor } from '../ui/paint.js';
import { withProgress } from '../ui/progress.js';
import { openTerminal } from '../ui/terminal.js';
import { memprofVersion } from '../version.js';
import { loadRuns } from './diff-source.js';
import { mustNotExist, writeResult, writeResultFile } from './result.js';

/**
 * `memprof diff`: what differs between two recordings, pprof files or sets of them.
 * @throws MemprofError (exit code 2) for flags and inputs that are not usable.
 */
export async function diff(base: string, now: string, raw: Record<string, unknown>): Promise<void> {
  const choices = { formats: Object.keys(DIFF_FORMATS), groupings: GROUPINGS };
  const flags = parseReportFlags(raw, choices, EXIT.usage);
  if (flags.output !== undefined) mustNotExist(flags.output, flags.force);

  const [before, after] = await withProgress(openTerminal(), 'memprof: reading both sides', async () => [
    await loadRuns(base, flags),
    await loadRuns(now, flags),
  ]);
  const by = flags.by as GroupBy | undefined;
  const result = compare(before, after, { memprofVersion: memprofVersion(), ...(by && { by }) });
  const write = DIFF_FORMATS[flags.format as DiffFormat];
  if (flags.output === undefined) await writeResult(write(result, paintFor(coloursFor(isatty(1)))));
  else writeResultFile(flags.output, write(result));
}
