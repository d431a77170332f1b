/**
 * What the sampler costs: paired, interleaved runs, so that a busy moment hits all sides alike.
 *
 *     node bench/native-overhead/run.mjs [--rounds N] [--count N]
 *
 * malloc+free pairs (CPU time), plain against the sampler at a mean of 512 KiB and against heaptrack, on one thread and on
 * two; then a shell that starts 200 short programs (wall time). Prints the median of each, the median of the paired ratios and
 * their spread (first and last decile).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../..');
const SAMPLER = join(ROOT, 'native/build/linux-x64-glibc/libmemprof.so');
const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '11' }, count: { type: 'string', default: '3000000' } },
});
const rounds = Number(options.rounds);

const scratch = mkdtempSync(join(tmpdir(), 'memprof-bench-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const pairs = join(scratch, 'pairs');
const source = join(ROOT, 'native/test/programs/pairs.c');
const built = spawnSync('cc', ['-O2', '-fno-builtin', '-pthread', '-o', pairs, source], { stdio: 'inherit' });
if (built.status !== 0) process.exit(1);

/** A run directory on tmpfs with the control page that memprof would write: 512 KiB, no cap. */
function withRunDirectory(run) {
  const directory = mkdtempSync('/dev/shm/memprof-bench-');
  const control = Buffer.alloc(4096);
  control.writeBigUInt64LE(0x4c5254434f52504dn, 0);
  control.writeUInt32LE(1, 8);
  control.writeBigUInt64LE(524288n, 16);
  writeFileSync(join(directory, 'control'), control);
  try {
    return run({ ...process.env, MEMPROF_RUN_DIR: directory, LD_PRELOAD: SAMPLER });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function output(command, args, env = process.env) {
  const result = spawnSync(command, args, { env, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${command} ended with ${result.status ?? result.signal}: ${result.stderr}`);
  return result.stdout;
}

const quantile = (values, q) => values.toSorted((a, b) => a - b)[Math.round(q * (values.length - 1))];

/** Runs the sides in turns and prints them against the first. */
function compare(title, unit, sides) {
  const results = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(sides)) results[name].push(run());
  }
  const [base] = Object.keys(sides);
  console.log(title);
  for (const [name, values] of Object.entries(results)) {
    const ratios = values.map((value, i) => value / results[base][i]);
    const spread = `${quantile(ratios, 0.1).toFixed(2)}-${quantile(ratios, 0.9).toFixed(2)}`;
    const median = quantile(values, 0.5).toFixed(2).padStart(9);
    console.log(`  ${name.padEnd(10)} ${median} ${unit}   ratio ${quantile(ratios, 0.5).toFixed(2)} (${spread})`);
  }
}

const hasHeaptrack = spawnSync('heaptrack', ['--version']).status === 0;
if (!hasHeaptrack) console.log('heaptrack is not installed: left out');

for (const threads of ['1', '2']) {
  compare(`malloc+free pairs, ${threads} thread(s)`, 'ns/pair', {
    plain: () => Number(output(pairs, [threads, options.count])),
    memprof: () => withRunDirectory((env) => Number(output(pairs, [threads, options.count], env))),
    ...(hasHeaptrack && {
      heaptrack: () => {
        const args = ['-r', '-o', join(scratch, 'ht'), pairs, threads, String(Number(options.count) / 20)];
        return Number(/^([\d.]+)$/m.exec(output('heaptrack', args))?.[1]);
      },
    }),
  });
}

const storm = (env) => {
  const started = performance.now();
  output('sh', ['-c', 'i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done'], env);
  return (performance.now() - started) / 200;
};
compare('a shell that starts 200 programs', 'ms/program', {
  plain: () => storm(process.env),
  memprof: () => withRunDirectory(storm),
});
