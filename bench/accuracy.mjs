#!/usr/bin/env node
/**
 * How far estimates are from the truth, and how often the printed 95 % interval holds it: fixtures/truth/sites.mjs (eleven kinds of memory in JavaScript)
 * on each Node, and fixtures/truth/sites.c (five sizes of malloc), known to the byte. A site-run is one site in one run.
 *
 *     node bench/accuracy.mjs [--runs 100] [--mib 24] [--c-mib 8] [--nodes 20,22,24,26] [--sample-bytes 64k] [--v8-interval 64k]
 *                             [--max-samples-per-second 1000000] [--json FILE]
 *
 * Run n draws with seed n, in every program. An interval holds the truth if it holds any number between the blocks alone and the blocks with what
 * the engine keeps beside each (a BackingStore, a string's resource): the same line allocates both, and the truth counts the first; `strictly` is against
 * the blocks alone. With a small
 * --max-samples-per-second the cap raises the mean in the middle of a run. Two runs at a time: nothing is timed here.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildProfile } from '../dist/interpret/index.js';
import { compareSites } from './accuracy/compare-sites.mjs';
import { compile, fixtureNode, MEMPROF, ROOT, scratch } from './lib/process.mjs';
import { startReport } from './lib/report.mjs';
import { mean, standardDeviation } from './lib/statistics.mjs';

const { options, section, finish } = startReport('accuracy', {
  runs: '100',
  mib: '24',
  'c-mib': '8',
  nodes: '20,22,24,26',
  'sample-bytes': '64k',
  'v8-interval': '64k',
  'max-samples-per-second': '1000000',
});
const FLAGS = ['sample-bytes', 'v8-interval', 'max-samples-per-second'].flatMap((name) => [`--${name}`, options[name]]);
const AT_ONCE = 2;
const TARGET = 0.93;

const jsTruth = join(ROOT, 'fixtures/truth/sites.mjs');
const cTruth = compile(
  'sites',
  [join(ROOT, 'fixtures/truth/sites.c')],
  ['-g', '-fno-omit-frame-pointer', `-DHELD_BYTES=(${options['c-mib']}u<<20)`],
);
/** The programs, each with a command for a seed: V8 has a seed of its own. */
const PROGRAMS = Object.fromEntries([
  ['C', () => [cTruth, 'exit']],
  ...options.nodes.split(',').map((major) => {
    const node = fixtureNode(major);
    return [`Node ${major}`, (seed) => [node, `--random-seed=${seed}`, jsTruth]];
  }),
]);

/** One run: what was printed of each site, beside its truth. */
async function measure(command, seed) {
  const folder = mkdtempSync(join(scratch, 'run-'));
  try {
    const truthFile = join(folder, 'truth.json');
    const recording = join(folder, 'r');
    const env = { ...process.env, TRUTH_OUT: truthFile, TRUTH_HELD_MIB: options.mib, MEMPROF_SEED: String(seed) };
    const args = [MEMPROF, 'run', '-q', '-o', recording, ...FLAGS, '--', ...command(seed)];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    const [status] = await once(child, 'close');
    if (status !== 0) throw new Error(`${args.join(' ')}: ended with ${status}: ${stderr}`);
    return compareSites(await buildProfile(recording), JSON.parse(readFileSync(truthFile, 'utf8')));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const jobs = Object.entries(PROGRAMS).flatMap(([program, command]) =>
  Array.from({ length: Number(options.runs) }, (_, run) => ({ program, command, seed: run + 1 })),
);
const results = [];
async function work() {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    const { program, command, seed } = job;
    for (const site of await measure(command, seed)) results.push({ program, seed, ...site });
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, work));

const percent = (part, digits = 1) => `${(100 * part).toFixed(digits)} %`;

/** Errors and coverage of some site-runs. */
function summary(list) {
  const errors = list.map(({ error }) => error);
  return {
    siteRuns: list.length,
    mean: mean(errors),
    sd: standardDeviation(errors),
    worst: Math.max(...errors.map(Math.abs)),
    held: list.filter(({ held }) => held).length / list.length,
    heldStrictly: list.filter(({ heldStrictly }) => heldStrictly).length / list.length,
    width: mean(list.map(({ width }) => width)),
  };
}

function table(id, title, key) {
  const names = [...new Set(results.map((result) => result[key]))];
  const data = names.map((name) => ({ name, ...summary(results.filter((result) => result[key] === name)) }));
  section({
    id,
    title,
    columns: ['', 'site-runs', 'mean error', 'SD', 'worst', 'mean width', 'in interval', 'strictly'],
    rows: data.map(({ name, siteRuns, mean: centre, sd, worst, width, held, heldStrictly }) => [
      name,
      String(siteRuns),
      percent(centre, 2),
      percent(sd),
      percent(worst),
      percent(width),
      percent(held),
      percent(heldStrictly),
    ]),
    data,
  });
}

table('accuracy-program', 'by program', 'program');
table('accuracy-site', 'by site', 'site');
const all = summary(results);
section({
  id: 'accuracy',
  title: 'all',
  columns: ['', 'site-runs', 'in interval', 'target'],
  rows: [['the 95 % interval held the truth', String(all.siteRuns), percent(all.held), `>= ${percent(TARGET, 0)}`]],
  data: { ...all, target: TARGET },
});
finish();
