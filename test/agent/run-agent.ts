import { type SpawnOptions, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { CONTROL, CONTROL_MAGIC, CONTROL_NO_V8, CONTROL_V8_EXACT, WIRE_VERSION } from '../../src/recording/wire.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const PRELOAD = join(ROOT, 'dist/agent/preload.cjs');
export const DATADOG_PPROF = join(ROOT, 'node_modules/@datadog/pprof');
export const fixture = (name: string): string => join(ROOT, 'fixtures/agent', name);
export const fixturesIn = (folder: string): string[] => readdirSync(fixture(folder)).map((name) => join(folder, name));

/** The Nodes of the matrix that are installed; `fixtures/install.mjs` brings them. */
export const NODES: readonly { version: string; major: number; execPath: string }[] = findNodes();

function findNodes(): { version: string; major: number; execPath: string }[] {
  const installed = ['20', '22', '24', '26'].flatMap((version) => {
    const execPath = join(ROOT, `fixtures/nodes/node_modules/node-${version}/bin/node`);
    return existsSync(execPath) ? [{ version, major: Number(version), execPath }] : [];
  });
  if (installed.length > 0) return installed;
  process.stderr.write('fixtures/nodes is not installed: the agent is tested with the Node at hand only\n');
  return [
    { version: process.versions.node, major: Number.parseInt(process.versions.node, 10), execPath: process.execPath },
  ];
}

export type AgentLine = { type: string } & Record<string, unknown>;

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface AgentRun extends RunResult {
  readonly pid: number;
  /** Lines by file name; each is whole JSON. */
  readonly files: ReadonlyMap<string, AgentLine[]>;
  /** Lines of the first process's main thread. */
  readonly lines: AgentLine[];
}

export interface ControlSettings {
  readonly v8?: boolean;
  readonly exact?: boolean;
  readonly intervalBytes?: number;
}

/** A run directory as `memprof run` makes it, gone after the test. */
export function makeRunDirectory({
  v8 = true,
  exact = false,
  intervalBytes = 512 * 1024,
}: ControlSettings = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'memprof-agent-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const page = Buffer.alloc(CONTROL.bytes);
  page.writeBigUInt64LE(CONTROL_MAGIC, CONTROL.magic);
  page.writeUInt32LE(WIRE_VERSION, CONTROL.version);
  page.writeUInt32LE((v8 ? 0 : CONTROL_NO_V8) | (exact ? CONTROL_V8_EXACT : 0), CONTROL.flags);
  page.writeBigUInt64LE(BigInt(intervalBytes), CONTROL.v8IntervalBytes);
  writeFileSync(join(directory, 'control'), page);
  return directory;
}

export function run(
  execPath: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<RunResult & { pid: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn(execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ stdout, stderr, code, signal, pid: child.pid ?? 0 }));
  });
}

/** The environment without what an outer profiler or test runner put there. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS, MEMPROF_RUN_DIR, LD_PRELOAD, NODE_V8_COVERAGE, ...rest } = process.env;
  return rest;
}

export function agentEnvironment(runDirectory: string, nodeOptions = ''): NodeJS.ProcessEnv {
  return {
    ...plainEnvironment(),
    MEMPROF_RUN_DIR: runDirectory,
    NODE_OPTIONS: `--require ${PRELOAD} ${nodeOptions}`.trim(),
  };
}

export async function runWithAgent(
  execPath: string,
  args: readonly string[],
  options: SpawnOptions & { control?: ControlSettings; nodeOptions?: string; runDirectory?: string } = {},
): Promise<AgentRun> {
  const { control, nodeOptions, runDirectory = makeRunDirectory(control), env, ...rest } = options;
  const result = await run(execPath, args, {
    ...rest,
    env: { ...agentEnvironment(runDirectory, nodeOptions), ...env },
  });
  const files = readAgentFiles(runDirectory);
  // How many of these there are says how busy the machine was.
  for (const [name, lines] of files)
    files.set(
      name,
      lines.filter((line) => line.reason !== 'timer'),
    );
  return { ...result, files, lines: files.get(`${result.pid}.0.agent.jsonl`) ?? [] };
}

export function readAgentFiles(runDirectory: string): Map<string, AgentLine[]> {
  const files = new Map<string, AgentLine[]>();
  for (const name of readdirSync(runDirectory).filter((entry) => entry.endsWith('.agent.jsonl'))) {
    const whole = readFileSync(join(runDirectory, name), 'utf8').split('\n').slice(0, -1);
    files.set(
      name,
      whole.map((line) => JSON.parse(line) as AgentLine),
    );
  }
  return files;
}

export const typesOf = (lines: readonly AgentLine[]): string[] => lines.map((line) => line.type);
export const only = (lines: readonly AgentLine[], type: string): AgentLine => {
  const found = lines.filter((line) => line.type === type);
  if (found.length !== 1) throw new Error(`${found.length} lines of type ${type}: ${JSON.stringify(typesOf(lines))}`);
  return found[0] as AgentLine;
};

export interface ProfileNode {
  readonly name: string;
  readonly script: string;
  readonly line: number;
  readonly bytes: number;
  /** Names from the root down. */
  readonly path: readonly string[];
}

/** The nodes of a `v8profile` line, checked against the contract on the way. */
export function nodesOf(line: AgentLine): ProfileNode[] {
  const strings = line.strings as string[];
  const text = (index: number): string => {
    const value = strings[index];
    if (typeof value !== 'string') throw new Error(`no string ${index}`);
    return value;
  };
  const nodes: ProfileNode[] = [];
  for (const [parent, name, script, , nodeLine, , sizes] of line.nodes as [
    number,
    number,
    number,
    number,
    number,
    number,
    number[],
  ][]) {
    if (parent >= nodes.length) throw new Error('a parent after its child');
    let bytes = 0;
    for (let i = 0; i < sizes.length; i += 2) bytes += (sizes[i] ?? 0) * (sizes[i + 1] ?? 0);
    const above = parent === -1 ? [] : (nodes[parent]?.path ?? []);
    nodes.push({ name: text(name), script: text(script), line: nodeLine, bytes, path: [...above, text(name)] });
  }
  return nodes;
}

export function makeFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(folder, { recursive: true });
  return folder;
}
