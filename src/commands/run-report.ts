import { join, relative } from 'node:path';
import { appendChunk } from '../capture/recording-writer.js';
import type { Recogniser } from '../model/recognise.js';
import { CHUNK } from '../recording/chunks.js';
import type { Manifest } from '../recording/manifest.js';
import type { RunFlags } from '../schema/defaults.js';
import { paintFor } from '../ui/paint.js';
import { withProgress } from '../ui/progress.js';
import { openTerminal, type Terminal } from '../ui/terminal.js';
import { memprofVersion } from '../version.js';
import { REPORT_FILES } from './report-files.js';
import { writeWholeFile } from './result.js';

/** What turns a recording into reports. */
type Stages = Awaited<ReturnType<typeof importStages>>;

async function importStages() {
  const [interpretation, report, summary, fold, rules] = await Promise.all([
    import('../interpret/index.js'),
    import('../report/index.js'),
    import('../analyze/summary.js'),
    import('../analyze/fold.js'),
    import('./rules-source.js'),
  ]);
  return { ...interpretation, ...report, ...summary, ...fold, ...rules };
}

/** Loads while the program runs what will be needed when it has ended. */
export function preloadStages(): () => Promise<Stages> {
  const stages = importStages();
  stages.catch(() => undefined); // whoever awaits it hears of it
  return () => stages;
}

/** Symbolizes the recording, writes the reports and prints the summary. A failure is one line; the recording stays. */
export async function reportRun(
  folder: string,
  manifest: Manifest,
  flags: RunFlags,
  stages: () => Promise<Stages>,
): Promise<void> {
  const terminal = openTerminal();
  const shown = relative(process.cwd(), folder) || '.';
  const place = shown.startsWith('..') ? folder : shown;
  try {
    const text = await withProgress(terminal, 'memprof: resolving symbols, writing reports', async () =>
      makeReports(await stages(), folder, manifest, { terminal, config: flags.config }),
    );
    if (flags.quiet) return;
    terminal.line(`\n${text}`);
    terminal.line(`Wrote ${Object.values(REPORT_FILES).join(', ')} to\n  ${place}`);
    terminal.line(`See the flame graph:\n  memprof open ${place}`);
  } catch (error) {
    terminal.warn(`no reports: ${(error as Error).message}`);
    terminal.line(`memprof: the recording is in ${place}; try: memprof report ${place}`);
  }
}

interface ReportContext {
  readonly terminal: Terminal;
  readonly config: string | undefined;
}

async function makeReports(
  stages: Stages,
  folder: string,
  manifest: Manifest,
  { terminal, config }: ReportContext,
): Promise<string> {
  const { buildProfile, FORMATS, writePprofInBackground, speedscopePieces, summarize, fold, SPEEDSCOPE_MAX_STACKS } =
    stages;
  const profile = await buildProfile(folder, {
    manifest,
    recogniser: await rulesOrOurs(stages, terminal, config),
    onSymbols(path, symbols) {
      try {
        appendChunk(path, CHUNK.symbols, [Buffer.from(JSON.stringify(symbols))]);
      } catch (cause) {
        terminal.warn(`the recording has no symbols (${(cause as Error).message}): report it on this machine`);
      }
    },
  });
  const summary = summarize(profile, { memprofVersion: memprofVersion() });
  const pprof = writePprofInBackground(profile, { summary });
  const speedscope = speedscopePieces(fold(profile, SPEEDSCOPE_MAX_STACKS), { summary });
  writeWholeFile(join(folder, REPORT_FILES.speedscope), speedscope);
  writeWholeFile(join(folder, REPORT_FILES.pprof), await pprof);
  writeWholeFile(join(folder, REPORT_FILES.json), FORMATS.json(profile, { summary }));
  // On the terminal they would stand twice.
  const isNews = ({ message }: { message: string }): boolean =>
    manifest.notices.every((notice) => notice.message !== message);
  return FORMATS.text(profile, {
    summary: { ...summary, notices: summary.notices.filter(isNews) },
    paint: paintFor(terminal.colour),
  });
}

/** The run is over: a configuration file that cannot be used costs its rules and a line, no report. */
async function rulesOrOurs(stages: Stages, terminal: Terminal, config: string | undefined): Promise<Recogniser> {
  try {
    return await stages.loadRecogniser(config);
  } catch (error) {
    terminal.warn(`its rules are not used: ${(error as Error).message}`);
    return stages.shippedRecogniser();
  }
}
