/** The programs of the ledger's bench, each held at the moment when all its memory is there. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { driveServer } from '../../fixtures/workloads/drive.mjs';
import { MEMPROF, ROOT, scratch } from '../lib/process.mjs';

const HOLD = ['--expose-gc', '--import', join(import.meta.dirname, 'hold.mjs')];
const JEMALLOC = ['x86_64', 'aarch64'].map((arch) => `/usr/lib/${arch}-linux-gnu/libjemalloc.so.2`).find(existsSync);

const resident = (what, env) => ({
  title: what,
  args: [...HOLD, join(ROOT, 'fixtures/truth/resident.mjs'), what],
  ready: /"pid"/,
  env,
});
/** Ready when the answer to its last prompt has been printed. */
const workload = (lastPrompt, script, ...args) => ({
  args: [...HOLD, join(ROOT, 'fixtures/workloads', script), ...args],
  ready: new RegExp(`${lastPrompt}[^]*\n\n$`),
});
const server = (fault) => ({
  title: `server, ${fault === 'none' ? 'no fault' : fault}`,
  args: [join(ROOT, 'fixtures/workloads/sse-server.mjs')],
  ready: /listening on (\S+)\n/,
  env: { PORT: '0', ...(fault !== 'none' && { [fault]: '1' }) },
  isServer: true,
});

/** By name. `tokens` and `requests` are those of the inference programs, `preset` the size of their models. */
export function ledgerPrograms({ preset, tokens, requests }) {
  const llama = ['request 1, tell', 'llama-generate.mjs', '--preset', preset, '--new-tokens', tokens];
  const all = {
    touched: { ...resident('touched'), title: 'a Buffer of 499 MiB, touched' },
    untouched: { ...resident('untouched'), title: 'a Buffer of 499 MiB, untouched' },
    wasm: { ...resident('wasm'), title: 'WebAssembly, 97 MiB' },
    workers: { ...resident('workers'), title: 'three workers' },
    holes: { ...resident('holes'), title: '150,000 blocks, every other one freed' },
    onnx: {
      title: 'ONNX Runtime',
      ...workload(
        'What would the sea',
        'onnx-generate.mjs',
        '--preset',
        preset,
        '--requests',
        '4',
        '--new-tokens',
        tokens,
      ),
    },
    'llama-mmap': { title: 'llama.cpp, model mapped', ...workload(...llama) },
    'llama-copied': { title: 'llama.cpp, model copied', ...workload(...llama, '--no-mmap') },
    ...(JEMALLOC && { jemalloc: { ...resident('holes', { LD_PRELOAD: JEMALLOC }), title: 'the same with jemalloc' } }),
    ...Object.fromEntries(
      ['none', 'LEAK_KV', 'POOL_MISS', 'LATE_FREE', 'FRAGMENT'].map((fault) => [`server-${fault}`, server(fault)]),
    ),
  };
  for (const program of Object.values(all)) {
    program.env = { PRESET: preset, ...program.env };
    program.requests = Number(requests);
  }
  return all;
}

/**
 * Starts it, calls `whileRunning` until all its memory is there and `whenThere` then, and ends it.
 *
 * @param {{ args: string[], ready: RegExp, env: NodeJS.ProcessEnv, isServer?: boolean, requests: number }} program
 * @param {string} node
 * @param {{ recording?: string, whileRunning?: (pid: number) => void, whenThere?: (pid: number) => void, settleMs?: number }} options
 *   with `recording` under `memprof run`, and `pid` is memprof's
 */
export async function hold(program, node, { recording, whileRunning, whenThere, settleMs = 0 }) {
  const run = recording === undefined ? [] : [MEMPROF, 'run', '-q', '-f', '-o', recording, '--', node];
  const cwd = join(scratch, 'cwd');
  mkdirSync(cwd, { recursive: true });
  const child = spawn(recording === undefined ? node : process.execPath, [...run, ...program.args], {
    cwd,
    env: { ...process.env, ...program.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const ended = new Promise((done, fail) => {
    child.once('error', fail).once('close', (status, signal) => done(status ?? signal));
  });
  const isReady = () => program.ready.test(stdout);
  try {
    while (!isReady()) {
      if (child.exitCode !== null) throw new Error(`${program.title}: ended with ${child.exitCode}: ${stderr}`);
      await sleep(100);
      if (!isReady()) whileRunning?.(child.pid);
    }
    if (program.isServer) await underLoad(program, program.ready.exec(stdout)[1], () => whileRunning?.(child.pid));
    await sleep(settleMs);
    whenThere?.(child.pid);
    child.kill('SIGTERM');
    const status = await ended;
    if (status !== 0) throw new Error(`${program.title}: ended with ${status}: ${stderr}`);
  } finally {
    child.kill('SIGKILL');
  }
}

async function underLoad({ requests }, url, whileRunning) {
  const timer = setInterval(whileRunning, 500);
  try {
    await driveServer(url, { requests, connections: 4, whileConnected: whileRunning });
  } finally {
    clearInterval(timer);
  }
}
