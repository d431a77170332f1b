import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { targetEnvironment } from '../capture/environment.js';
import { preflight } from '../capture/preflight.js';
import { resolveCommand } from '../capture/resolve-command.js';
import { makeRunDirectory } from '../capture/run-directory.js';
import { readCounter, readHeader } from '../capture/store-reader.js';
import { RUN_DEFAULTS } from '../schema/defaults.js';

export interface Trial {
  readonly nativeSamples: number;
  readonly agentSaysHello: boolean;
  readonly problem?: string;
}

/** Runs this Node with everything in place, as `memprof run` would, and looks at what the samplers left. */
export async function trySampling(): Promise<Trial> {
  const { library, agent } = preflight(resolveCommand(process.execPath, process.env.PATH), { native: true, v8: true });
  const runDirectory = makeRunDirectory(RUN_DEFAULTS);
  try {
    const injection = { runDirectory: runDirectory.path, ...(library && { library }), ...(agent && { agent }) };
    const script = 'const keep = []; for (let i = 0; i < 64; i++) keep.push(new Uint8Array(65537).fill(1));';
    const child = spawnSync(process.execPath, ['-e', script], {
      env: targetEnvironment(process.env, injection),
      encoding: 'utf8',
      timeout: 30_000,
    });
    const files = readdirSync(runDirectory.path);
    const trial = {
      nativeSamples: files
        .filter((file) => file.endsWith('.store'))
        .reduce((sum, file) => sum + samplesIn(join(runDirectory.path, file)), 0),
      agentSaysHello: files.some((file) => file.endsWith('.agent.jsonl')),
    };
    if (child.status === 0) return trial;
    return {
      ...trial,
      problem: `it failed with ${child.signal ?? child.status}: ${child.stderr.trim().split('\n')[0]}`,
    };
  } finally {
    runDirectory.remove();
  }
}

function samplesIn(storePath: string): number {
  const fd = openSync(storePath, 'r');
  const header = readHeader(fd);
  closeSync(fd);
  return header === undefined ? 0 : readCounter(header, 'alloc_samples');
}
