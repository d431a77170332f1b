import { accessSync, constants, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EXIT, MemprofError } from '../errors.js';

export interface SpeedscopePage {
  /** What a browser has to open. */
  readonly url: string;
  /** A small page that leads there: some openers drop the part of a URL after `#`. */
  readonly path: string;
}

/**
 * Makes a page that shows a profile in the bundled speedscope without a network: copies speedscope into `outDir`, beside a
 * script that hands over the profile in base64, because a page from a file may run scripts but not read files.
 * Throws MemprofError (exit code 2) if the profile cannot be read or the page cannot be written.
 */
export function writeSpeedscopePage(profilePath: string, outDir: string): SpeedscopePage {
  const directory = resolve(outDir);
  let profile: Buffer;
  try {
    profile = readFileSync(profilePath);
  } catch (cause) {
    throw pageError(`Cannot read ${profilePath}`, 'Give a recording directory or a speedscope file.', cause);
  }
  const name = basename(profilePath);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    copySpeedscope(directory);
    const script = join(directory, 'speedscope-profile.js');
    const call = `speedscope.loadFileFromBase64(${JSON.stringify(name)}, ${JSON.stringify(profile.toString('base64'))});\n`;
    writeFileSync(script, call, { mode: 0o600 });
    const page = pathToFileURL(join(directory, 'index.html'));
    page.hash = `localProfilePath=${encodeURIComponent(scriptPath(script))}&view=left-heavy`;
    const path = join(directory, 'open.html');
    writeFileSync(path, redirect(page.href, name), { mode: 0o600 });
    return { url: page.href, path };
  } catch (cause) {
    throw pageError(`Cannot write the page to ${directory}`, 'Choose a directory that you can write to.', cause);
  }
}

/** speedscope puts `file:///` before the path, and takes it for a URL. */
function scriptPath(script: string): string {
  return pathToFileURL(script).href.slice('file:///'.length);
}

function copySpeedscope(directory: string): void {
  const release = dirname(createRequire(import.meta.url).resolve('speedscope/dist/release/index.html'));
  for (const file of readdirSync(release)) {
    if (!/\.(txt|json|md)$/.test(file)) copyFileSync(join(release, file), join(directory, file));
  }
}

function redirect(url: string, title: string): string {
  const escaped = title.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
  return `<!doctype html>\n<meta charset="utf-8">\n<title>${escaped}</title>\n<script>location.replace(${JSON.stringify(url).replaceAll('<', '\\u003c')});</script>\n`;
}

function pageError(message: string, hint: string, cause: unknown): MemprofError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new MemprofError(`${message}: ${reason}`, { code: 'PAGE_FAILED', exitCode: EXIT.usage, hint, cause });
}

export interface Browser {
  readonly command: string;
  readonly args: readonly string[];
}

/** Programs that show a URL, the user's own choice first. */
const CANDIDATES = [
  'xdg-open',
  'sensible-browser',
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'firefox',
  'wslview',
];

/**
 * The command that opens a page for the person at this machine, or undefined where there is none: no such program, or no
 * display to show it on. `environment` and `platform` are for tests.
 */
export function findBrowser(
  environment: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): Browser | undefined {
  const own = environment.BROWSER?.split(delimiter).find((name) => name !== '');
  if (own !== undefined && findProgram(own, environment)) return { command: own, args: [] };
  if (platform === 'darwin') return { command: 'open', args: [] };
  if (platform === 'win32') return { command: 'cmd', args: ['/c', 'start', ''] };
  const hasDisplay = Boolean(environment.DISPLAY || environment.WAYLAND_DISPLAY || environment.WSL_DISTRO_NAME);
  if (!hasDisplay) return undefined;
  const command = CANDIDATES.find((name) => findProgram(name, environment));
  return command === undefined ? undefined : { command, args: [] };
}

function findProgram(name: string, environment: NodeJS.ProcessEnv): boolean {
  const paths = name.includes('/') ? [name] : (environment.PATH ?? '').split(delimiter).map((path) => join(path, name));
  return paths.some((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      // Not there, or not ours to run: the next one may be.
      return false;
    }
  });
}
