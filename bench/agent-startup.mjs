// What the agent adds to the start and end of a Node process: `node bench/agent-startup.mjs [rounds]`.
// CPU time of `node -e 0` (user + system, from times(1) of a shell that runs it ten times), which other load disturbs little.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROUNDS = Number(process.argv[2] ?? 5);
const RUNS = 10;
const root = fileURLToPath(new URL('..', import.meta.url));
const preload = `--require ${join(root, 'dist/agent/preload.cjs')}`;
const nodes = ['20', '22', '24', '26']
  .map((version) => join(root, `fixtures/nodes/node_modules/node-${version}/bin/node`))
  .filter((path) => existsSync(path));

/** A control file as src/capture/run-directory.ts writes it; flag 2: no V8. */
function makeRunDirectory(flags) {
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'memprof-bench-'));
  const page = Buffer.alloc(4096);
  page.write('MPROCTRL', 'latin1');
  page.writeUInt32LE(1, 8);
  page.writeUInt32LE(flags, 12);
  page.writeBigUInt64LE(512n * 1024n, 24);
  writeFileSync(join(directory, 'control'), page);
  return directory;
}

/** The least CPU milliseconds that one run took, over all rounds. */
function measure(execPath, env) {
  const script = `i=0; while [ $i -lt ${RUNS} ]; do "$0" -e 0; i=$((i + 1)); done; times`;
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const text = execFileSync('/bin/sh', ['-c', script, execPath], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
    const children = text.trim().split('\n').at(-1) ?? '';
    const ms = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
      (sum, [, m, s]) => sum + 60e3 * Number(m) + 1e3 * Number(s),
      0,
    );
    best = Math.min(best, ms / RUNS);
  }
  return best;
}

const on = makeRunDirectory(0);
const off = makeRunDirectory(2);
for (const execPath of nodes.length > 0 ? nodes : [process.execPath]) {
  const version = execFileSync(execPath, ['--version'], { encoding: 'utf8' }).trim();
  const plain = measure(execPath, {});
  const added = (env) => (measure(execPath, { NODE_OPTIONS: preload, ...env }) - plain).toFixed(1);
  const [withV8, withoutV8, idle] = [added({ MEMPROF_RUN_DIR: on }), added({ MEMPROF_RUN_DIR: off }), added({})];
  console.log(
    `${version}: ${plain.toFixed(1)} ms; with the agent +${withV8}, V8 off +${withoutV8}, no run directory +${idle}`,
  );
}
rmSync(on, { recursive: true });
rmSync(off, { recursive: true });
