import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
export const NATIVE = join(ROOT, 'native');
export const NODE_LINES = [20, 22, 24, 26] as const;
export type NodeLine = (typeof NODE_LINES)[number];

/** First size of the marked allocations: prime, and so large that nothing else allocates it. */
export const MARK_BASE = 777_000_001;

/** Path of the matrix binary of a Node release line. */
export function nodeBinary(line: NodeLine): string {
  const path = join(ROOT, `fixtures/nodes/node_modules/node-${line}/bin/node`);
  if (!existsSync(path)) throw new Error(`no ${path}: run npm ci --prefix fixtures/nodes`);
  return path;
}

/** Path of a program in fixtures/js. */
export function fixture(name: string): string {
  return join(ROOT, 'fixtures/js', name);
}

/** A folder that is removed with `dispose`. */
export function scratch(): { path: string; dispose: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'memprof-js-'));
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) };
}

/** Compiles C files (relative to native/) into `output`. Throws with the compiler's message. */
export function compile(output: string, sources: string[], flags: string[]): string {
  const common = ['-std=gnu11', '-D_GNU_SOURCE', '-g', '-Wall', '-Wextra', '-Werror', '-fno-omit-frame-pointer'];
  execFileSync('cc', [...common, ...flags, '-o', output, ...sources, '-lpthread'], { cwd: NATIVE, encoding: 'utf8' });
  return output;
}

/** The decoder with a stub of the store: what test/js_probe.c describes. */
export function buildProbe(directory: string, flags: string[] = []): string {
  const decoder = readdirSync(join(NATIVE, 'src')).filter((name) => /^v8_.*\.c$/.test(name));
  const sources = ['peek.c', ...decoder].map((name) => `src/${name}`);
  return compile(
    join(directory, `probe${flags.join('')}.so`),
    ['test/js_probe.c', 'test/stub_store.c', 'test/probe_unwind.c', ...sources],
    ['-O2', '-fPIC', '-shared', '-ftls-model=initial-exec', '-Wl,-z,nodelete', ...flags],
  );
}

/** A decoded JavaScript frame; positions are UTF-16 offsets, -1 unknown. */
export interface JsFrame {
  name: string;
  script: string;
  position: number;
  start: number;
  end: number;
  scriptId: number;
  flags: number;
  inlined: boolean;
  approximate: boolean;
}

export interface ProbeStats {
  v8: string;
  state: number;
  positions: boolean;
  walks: number;
  jsWalks: number;
  jsFrames: number;
  nativeFrames: number;
  unpositioned: number;
  medianNs: number;
  p95Ns: number;
  probes: number;
  initNs: number;
  unknown: number;
  approximate: number;
  verified?: number;
  mismatched?: number;
}

export interface ProbeRun {
  stdout: string;
  stats: ProbeStats;
  /** By mark, the JavaScript frames of the first allocation with that mark, leaf first. */
  stacks: Map<number, JsFrame[]>;
}

type RawFrame = string | [string, string, number, number, number, number, number, string];

function parseFrame([name, script, position, start, end, scriptId, flags, bits]: Exclude<RawFrame, string>): JsFrame {
  const [inlined, approximate] = [bits.includes('I'), bits.includes('A')];
  return { name, script, position, start, end, scriptId, flags, inlined, approximate };
}

function parseLog(text: string): Map<number, JsFrame[]> {
  const stacks = new Map<number, JsFrame[]>();
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const { mark, frames } = JSON.parse(line) as { mark: number; frames: RawFrame[] };
    if (!stacks.has(mark)) stacks.set(mark, frames.filter((frame) => typeof frame !== 'string').map(parseFrame));
  }
  return stacks;
}

/** Runs a program under the probe; throws if it exits with anything but 0. `environment` adds JS_PROBE_* settings. */
export function runProbe(
  probe: string,
  command: readonly [string, ...string[]],
  environment: Record<string, string> = {},
): ProbeRun {
  const { path, dispose } = scratch();
  try {
    const [log, stats] = [join(path, 'log'), join(path, 'stats')];
    const { NODE_OPTIONS: _, LD_PRELOAD: __, ...inherited } = process.env;
    const stdout = execFileSync(command[0], command.slice(1), {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      env: {
        ...inherited,
        LD_PRELOAD: probe,
        JS_PROBE_MAGIC: String(MARK_BASE),
        JS_PROBE_LOG: log,
        JS_PROBE_STATS: stats,
        MARK_BASE: String(MARK_BASE),
        ...environment,
      },
    });
    const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
    return { stdout, stats: JSON.parse(readFileSync(stats, 'utf8')) as ProbeStats, stacks: parseLog(text) };
  } finally {
    dispose();
  }
}
