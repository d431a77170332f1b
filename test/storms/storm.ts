/** Runs a script of `fixtures/storms` on each of its sides, and says all that could be seen of it. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment, runToEnd } from '../cli/run-cli.ts';
import { REPOSITORY } from '../native/store.ts';

const SCRIPTS = join(REPOSITORY, 'fixtures/storms');

export const STORMS = readdirSync(SCRIPTS)
  .filter((name) => name.endsWith('.sh'))
  .map((name) => name.slice(0, -3));

/** What a program printed, how it ended, and a line for each file that it left. */
export interface Seen {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly files: readonly string[];
}

/** The first command that a script needs and this machine lacks. */
export function missingCommand(storm: string): string | undefined {
  const needs = /^# needs: (.*)$/m.exec(readFileSync(join(SCRIPTS, `${storm}.sh`), 'utf8'))?.[1] ?? '';
  return needs.split(' ').find((command) => spawnSync('sh', ['-c', 'command -v "$0"', command]).status !== 0);
}

/**
 * Runs a script in a new folder `work`, always the same one: programs write their folder's name into what they make.
 * @param prefix of the command line, e.g. memprof's.
 */
export async function runStorm(
  root: string,
  storm: string,
  { prefix = [], env = {} }: { prefix?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
): Promise<Seen> {
  const work = join(root, 'work');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work);
  const [command = '', ...args] = [...prefix, 'sh', join(SCRIPTS, `${storm}.sh`)];
  const outcome = await runToEnd(command, args, {
    cwd: work,
    env: { ...cleanEnvironment(), LC_ALL: 'C', TZ: 'UTC', ...env },
  });
  return { ...outcome, files: filesIn(work) };
}

/** Kind, mode, name and content of everything below a folder. */
function filesIn(folder: string, under = ''): string[] {
  return readdirSync(join(folder, under))
    .sort()
    .flatMap((name) => {
      const relative = join(under, name);
      const path = join(folder, relative);
      const stat = lstatSync(path);
      const mode = stat.mode.toString(8);
      if (stat.isDirectory()) return [`${mode} ${relative}/`, ...filesIn(folder, relative)];
      if (stat.isSymbolicLink()) return [`${mode} ${relative} -> ${readlinkSync(path)}`];
      const digest = stat.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16) : '-';
      return [`${mode} ${relative} ${stat.size} ${digest}`];
    });
}
