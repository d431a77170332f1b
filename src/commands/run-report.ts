import { renameSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { DrainStatus } from '../capture/drain.js';
import type { Profile } from '../model/profile.js';
import type { ManifestNotice } from '../recording/manifest.js';
import type { RunFlags } from '../schema/defaults.js';
import { shortBytes, showLiveLine } from '../ui/live-line.js';
import { withProgress } from '../ui/progress.js';
import { openTerminal, type Terminal } from '../ui/terminal.js';
import { memprofVersion } from '../version.js';
import { loadInterpretation } from './profile-source.js';

/** The reports that `run` leaves beside the recording. */
export const REPORT_FILES = {
  pprof: 'profile.pb.gz',
  speedscope: 'profile.speedscope.json',
  json: 'summary.json',
} as const;

/** Says what will be missing, and shows the live line while the program runs. */
export async function describeRun(
  flags: RunFlags,
  notices: readonly ManifestNotice[],
  status?: () => DrainStatus,
): Promise<{ stop(): void }> {
  const terminal = openTerminal();
  for (const notice of notices) terminal.warn(notice.message);
  if (flags.quiet || !terminal.isInteractive || status === undefined) return { stop: () => undefined };
  return showLiveLine(process.stderr, () => terminal.colour.dim(liveText(status())));
}

function liveText({ rssBytes, liveBytes, committedBytes, samples, processes }: DrainStatus): string {
  const more = processes > 1 ? `  ${processes} processes` : '';
  return `memprof  RSS ${shortBytes(rssBytes)}  heap ~${shortBytes(liveBytes)}  mapped ${shortBytes(committedBytes)}  ${samples} samples${more}`;
}

/** Symbolizes the recording, writes the reports and prints the summary. A failure is one line; the recording stays. */
export async function reportRun(
  folder: string,
  files: readonly string[],
  flags: RunFlags,
  notices: readonly ManifestNotice[],
): Promise<void> {
  const terminal = openTerminal();
  const shown = relative(process.cwd(), folder) || '.';
  const place = shown.startsWith('..') ? folder : shown;
  try {
    const text = await withProgress(terminal, 'memprof: resolving symbols, writing reports', () =>
      makeReports(folder, files, terminal),
    );
    if (!flags.quiet) terminal.line(`\n${text}`);
    terminal.line(`memprof: wrote ${place}/{${Object.values(REPORT_FILES).join(',')}}; see it: memprof open ${place}`);
  } catch (error) {
    terminal.warn(`no reports: ${(error as Error).message}`);
    terminal.line(`memprof: the recording is in ${place}; try: memprof report ${place}`);
  }
  void notices;
}

async function makeReports(folder: string, files: readonly string[], terminal: Terminal): Promise<string> {
  const [interpretation, { FORMATS }, { summarize }, { fold, SPEEDSCOPE_MAX_STACKS }] = await Promise.all([
    loadInterpretation(),
    import('../report/index.js'),
    import('../analyze/summary.js'),
    import('../analyze/fold.js'),
  ]);
  for (const file of files) await interpretation.symbolizeFile(join(folder, file));
  const profile: Profile = await interpretation.buildProfile(folder, { moment: 'end' });
  const summary = summarize(profile, { memprofVersion: memprofVersion() });
  writeWhole(join(folder, REPORT_FILES.pprof), FORMATS.pprof(profile, { summary }));
  writeWhole(
    join(folder, REPORT_FILES.speedscope),
    FORMATS.speedscope(fold(profile, SPEEDSCOPE_MAX_STACKS), { summary }),
  );
  writeWhole(join(folder, REPORT_FILES.json), FORMATS.json(profile, { summary }));
  const { colour } = terminal;
  return FORMATS.text(profile, {
    summary,
    paint: {
      heading: colour.bold,
      measured: colour.green,
      estimated: colour.cyan,
      unknown: colour.magenta,
      dim: colour.dim,
      warning: colour.yellow,
    },
  });
}

/** A reader sees the whole file or none. */
function writeWhole(path: string, content: string | Uint8Array): void {
  writeFileSync(`${path}.tmp`, content, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}
