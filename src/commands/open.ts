import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fold, SPEEDSCOPE_MAX_STACKS } from '../analyze/fold.js';
import { summarize } from '../analyze/summary.js';
import { FORMATS } from '../report/index.js';
import { findBrowser, writeSpeedscopePage } from '../report/open-page.js';
import { openTerminal } from '../ui/terminal.js';
import { memprofVersion } from '../version.js';
import { isDirectory, loadProfile } from './profile-source.js';
import { REPORT_FILES } from './report-files.js';
import { writeResult, writeResultFile } from './result.js';

export interface OpenFlags {
  /** Start a browser if there is one; otherwise the address is printed. */
  readonly browser: boolean;
  /** File with rules. */
  readonly config?: string;
}

/**
 * `memprof open`: shows the flame graph of a recording, a pprof file or a speedscope file in the bundled speedscope.
 * @throws MemprofError (exit code 2) if the source cannot be read or the page cannot be written.
 */
export async function open(source: string, flags: OpenFlags): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'memprof-open-'));
  const file = await speedscopeFile(source, folder, flags.config);
  const page = writeSpeedscopePage(file, folder);
  const browser = flags.browser ? findBrowser() : undefined;
  if (browser === undefined) {
    const terminal = openTerminal();
    if (flags.browser) {
      terminal.line('memprof: no browser here. On another machine, drop this on https://www.speedscope.app:');
      terminal.line(`  ${file}`);
      terminal.line('or open here, once there is one:');
    }
    await writeResult(`${page.url}\n`);
    return;
  }
  // The page outlives memprof, and the browser must too. The small page, since some openers drop what follows "#".
  const child = spawn(browser.command, [...browser.args, page.path], { detached: true, stdio: 'ignore' });
  child.unref();
  const started = await new Promise<boolean>((resolve) => {
    child.once('spawn', () => resolve(true));
    child.once('error', () => resolve(false));
  });
  const terminal = openTerminal();
  terminal.line(
    started ? `memprof: opened in ${browser.command}:` : `memprof: ${browser.command} did not start; open:`,
  );
  await writeResult(`${page.url}\n`);
}

/** The file that `run` left in the directory, or a new one in `folder`. */
async function speedscopeFile(source: string, folder: string, config: string | undefined): Promise<string> {
  if (isDirectory(source)) {
    const ready = join(source, REPORT_FILES.speedscope);
    if (existsSync(ready) && config === undefined) return ready;
  } else if (source.endsWith('.json')) return source;
  const profile = await loadProfile(source, 'end', config);
  const summary = summarize(profile, { memprofVersion: memprofVersion() });
  const path = join(folder, REPORT_FILES.speedscope);
  writeResultFile(path, FORMATS.speedscope(fold(profile, SPEEDSCOPE_MAX_STACKS), { summary }));
  return path;
}
