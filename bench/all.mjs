#!/usr/bin/env node
/**
 * Runs the benches one after another, keeps the results and draws the pictures.
 *
 *     node bench/all.mjs [--only overhead,sample-cost,...] [--to bench/results] [--images docs/img] [--smoke]
 *
 * `--smoke` takes the smallest settings: do they work? Its figures mean nothing, and go to no place but one that is named. A bench that fails
 * does not stop the others; the exit status tells.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/** The benches, with the settings of `--smoke`. */
const BENCHES = {
  overhead: '--rounds 1 --pairs 20000 --threads 2 --gigabytes 0.1 --tokens 4 --requests 4',
  'sample-cost': '--rounds 1 --samples 200 --nodes 24',
  unwind: '--new-tokens 4 --churn 20',
  startup: '--rounds 1 --nodes 24 --processes 1 --starts 2',
  accuracy: '--runs 1 --nodes 24 --mib 4 --c-mib 2',
  interpret: '--rounds 1 --samples 1000',
  diff: '--rounds 1 --stacks 100',
  carriers: '--rounds 1 --nodes 24 --calls 2000 --requests 20',
  ledger:
    '--only outside,cost --rounds 1 --nodes 24 --programs wasm,onnx --preset tiny --tokens 4 --mib 16 --operations 2000 --turns 500',
  gate: '--programs cache --effects none,grow=0.2 --base-runs 24 --runs 12 --decisions 2',
  header: '--rounds 1 --calls 10000',
  api: '--processes 1 --rounds 1 --nodes 24 --calls 1000 --requests 4',
};

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(BENCHES).join(',') },
    to: { type: 'string' },
    images: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
});
if (options.smoke && options.to === undefined) throw new Error('--smoke needs --to FOLDER: its results are none');
const results = options.to ?? join(import.meta.dirname, 'results');
const images = options.images ?? (options.smoke ? results : join(import.meta.dirname, '../docs/img'));

function run(script, ...args) {
  const file = join(import.meta.dirname, `${script}.mjs`);
  const { status } = spawnSync(process.execPath, [file, ...args], { stdio: 'inherit' });
  if (status === 0) return;
  console.error(`bench/${script}.mjs failed`);
  process.exitCode = 1;
}

mkdirSync(results, { recursive: true });
for (const name of options.only.split(',')) {
  if (!(name in BENCHES)) throw new Error(`no bench ${name}: choose from ${Object.keys(BENCHES).join(', ')}`);
  const settings = options.smoke ? BENCHES[name].split(' ') : [];
  run(name, ...settings, '--json', join(results, `${name}.json`));
}
run('plot', '--results', results, '--to', images);
