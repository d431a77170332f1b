import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The reference reader of pprof files. */
export const HAS_GO =
  spawnSync('go', ['tool', 'pprof', '-h'], { stdio: 'ignore', env: offline('/tmp') }).error === undefined;
if (!HAS_GO) console.warn('skipped: no `go` (apt install golang-go), so nobody reads our profiles with the real pprof');

/** An environment in which go neither asks the network nor writes outside `directory`. */
export function offline(directory: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: directory,
    GOCACHE: join(directory, 'cache'),
    GOPATH: join(directory, 'go'),
    GOFLAGS: '-mod=mod',
    GOPROXY: 'off',
    GOTOOLCHAIN: 'local',
    PPROF_TMPDIR: directory,
    TZ: 'UTC',
  };
}

/** Runs `go tool pprof ARGS` and returns what it prints; it sees no network and writes to a folder of its own. */
export function goPprof(...args: readonly string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'memprof-go-'));
  try {
    return execFileSync('go', ['tool', 'pprof', '-symbolize=none', ...args], {
      encoding: 'utf8',
      env: offline(directory),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
