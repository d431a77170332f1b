import { spawnSync } from 'node:child_process';
import { createSource, type Source } from './source.js';

/** The Node that ran the program, as its agent introduced it. */
export interface NodeBinary {
  /** e.g. `v22.11.0`. */
  readonly version: string;
  readonly execPath: string;
}

/** Gives the sources of Node's own scripts, `node:fs` or `node:internal/streams/readable`. */
export type NodeSources = (script: string) => Source | undefined;

const TIMEOUT_MS = 3000;
const MAX_OUTPUT_BYTES = 64 << 20;
const PRINT_SOURCES = 'process.stdout.write(JSON.stringify(process.binding("natives")))';

/**
 * Node carries its own JavaScript. If this very Node ran the program, it is here; otherwise the program's Node is asked, once.
 * @param mayRun the binary at `execPath` may be started: only where it ran a moment ago, never because a file says so.
 */
export function nodeSources(node: NodeBinary | undefined, mayRun: boolean): NodeSources {
  let texts: Readonly<Record<string, unknown>> | undefined;
  return (script) => {
    if (node === undefined || !script.startsWith('node:')) return undefined;
    texts ??= loadTexts(node, mayRun);
    const text = texts[script.slice('node:'.length)];
    return typeof text === 'string' ? createSource(script, text, undefined) : undefined;
  };
}

function loadTexts(node: NodeBinary, mayRun: boolean): Readonly<Record<string, unknown>> {
  if (node.version === process.version) {
    const { binding } = process as unknown as { binding(name: string): Record<string, unknown> };
    return quietly(() => binding.call(process, 'natives'));
  }
  if (!mayRun) return {};
  const { LD_PRELOAD: _preload, NODE_OPTIONS: _options, ...env } = process.env;
  const result = spawnSync(node.execPath, ['--no-deprecation', '-e', PRINT_SOURCES], {
    env,
    timeout: TIMEOUT_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'utf8',
  });
  try {
    if (result.status === 0) return JSON.parse(result.stdout) as Record<string, unknown>;
    return {};
  } catch {
    return {}; // cut off: no lines for Node's own frames: they are listed in SYMBOLS as not to be had
  }
}

/** process.binding is deprecated, and the only door to these texts. */
function quietly<T>(action: () => T): T {
  const before = process.noDeprecation;
  process.noDeprecation = true;
  try {
    return action();
  } finally {
    if (before === undefined) delete process.noDeprecation;
    else process.noDeprecation = before;
  }
}
