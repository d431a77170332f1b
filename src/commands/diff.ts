import { isatty } from 'node:tty';
import { diff as compare, type DiffRuns, sidesOf } from '../analyze/diff.js';
import { differenceProfile } from '../analyze/diff-profile.js';
import { fold, SPEEDSCOPE_MAX_STACKS } from '../analyze/fold.js';
import { GROUPINGS, type GroupBy } from '../analyze/group.js';
import { EXIT } from '../errors.js';
import { DIFF_FORMATS, type DiffFormat, PATH_FORMATS, type PathFormat } from '../report/diff-formats.js';
import { FILE_FORMATS, type PathOptions, PLAIN } from '../report/index.js';
import { parseReportFlags } from '../schema/flags.js';
import { coloursFor } from '../ui/colour.js';
import { paintFor } from '../ui/paint.js';
import { withProgress } from '../ui/progress.js';
import { openTerminal } from '../ui/terminal.js';
import { memprofVersion } from '../version.js';
import { loadRuns } from './diff-source.js';
import { mustNotExist, mustNotGoToTerminal, writeResult, writeResultFile } from './result.js';

/**
 * `memprof diff`: what differs between two recordings, pprof files or sets of them.
 * @throws MemprofError (exit code 2) for flags and inputs that are not usable.
 */
export async function diff(base: string, now: string, raw: Record<string, unknown>): Promise<void> {
  const choices = { formats: [...Object.keys(DIFF_FORMATS), ...Object.keys(PATH_FORMATS)], groupings: GROUPINGS };
  const flags = parseReportFlags(raw, choices, EXIT.usage);
  const format = flags.format as DiffFormat | PathFormat;
  if (flags.output !== undefined) mustNotExist(flags.output, flags.force);
  else if (isPathFormat(format) && FILE_FORMATS.has(format)) mustNotGoToTerminal(format);

  const [before, after] = await withProgress(
    openTerminal(),
    'memprof: reading both sides',
    async () => [await loadRuns(base, flags), await loadRuns(now, flags)] as const,
  );
  const by = flags.by as GroupBy | undefined;
  const paint = flags.output === undefined ? paintFor(coloursFor(isatty(1))) : PLAIN;
  const content = isPathFormat(format)
    ? paths(before, after, format, by)
    : DIFF_FORMATS[format](compare(before, after, { memprofVersion: memprofVersion(), ...(by && { by }) }), paint);
  if (flags.output === undefined) await writeResult(content);
  else writeResultFile(flags.output, content);
}

const isPathFormat = (format: DiffFormat | PathFormat): format is PathFormat => format in PATH_FORMATS;

/** pprof knows a difference by its two sides; a flame graph has none but the net. */
function paths(base: DiffRuns, now: DiffRuns, format: PathFormat, by: GroupBy | undefined): string | Uint8Array {
  const sides = sidesOf(base.profiles, now.profiles);
  const { profile, baseSamples } = differenceProfile(sides, format === 'pprof' ? 'sides' : 'net');
  const options: PathOptions = {
    summary: { memprofVersion: memprofVersion(), ...(by && { groups: { by, rows: [] } }) },
    baseSamples,
  };
  return PATH_FORMATS[format](format === 'pprof' ? profile : fold(profile, SPEEDSCOPE_MAX_STACKS), options);
}
