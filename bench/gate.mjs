#!/usr/bin/env node
/**
 * How often the gate is wrong: false alarms without a change, and what it finds of changes that are known.
 *
 *     node bench/gate.mjs [--programs cache,onnx,llama,server] [--effects none,grow=0.02,...] [--base-runs 60] [--runs 30] [--decisions 200]
 *                         [--requests 200] [--seed 1] [--save FILE] [--load FILE] [--json FILE]
 *
 * Each program is run BASE-RUNS times as it is and RUNS times with each effect, by the gate's own runner, in turns. Decisions are then drawn from these
 * runs: ten for the baseline (or one for each, in turns) and up to twelve for the other side, none of them twice within a decision. So
 * a decision costs no run of its own, and decisions share runs: their number says how finely the draws are counted, the number of runs how much
 * was seen. `--decisions` is for each row. `--save` keeps what was measured in the runs, `--load` decides on such a file again.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decide } from '../dist/analyze/gate-decide.js';
import { baselineOf, meanSites, measureKey } from '../dist/analyze/gate-series.js';
import { sitesThatGrew } from '../dist/analyze/gate-sites.js';
import { createGateRunner, makeGateFolder } from '../dist/commands/gate-runs.js';
import { shippedRecogniser } from '../dist/commands/rules-source.js';
import { mainGrowth } from '../dist/report/gate-names.js';
import { GATE_DEFAULTS } from '../dist/schema/gate-flags.js';
import { randomNumbers } from './gate/random.mjs';
import { ROOT } from './lib/process.mjs';
import { startReport } from './lib/report.mjs';
import { median } from './lib/statistics.mjs';

const { options, section, finish } = startReport('gate', {
  programs: 'cache,onnx,llama,server',
  effects: 'none,grow=0.02,grow=0.05,grow=0.1,grow=0.2,leak=65536,miss=1,start=1048576',
  'base-runs': '60',
  runs: '30',
  decisions: '200',
  requests: '200',
  seed: '1',
  save: '',
  load: '',
});

const WORKLOADS = join(ROOT, 'fixtures/workloads');
const node = (...args) => [process.execPath, '--import', join(ROOT, 'bench/gate/inject.mjs'), ...args];
/** Commands, and the effects that mean something to them beside those of the cache. */
const PROGRAMS = {
  cache: { command: node('-e', '0'), effects: ['start'] },
  onnx: {
    command: node(join(WORKLOADS, 'onnx-generate.mjs'), '--preset', 'tiny', '--new-tokens', '16'),
    effects: ['start'],
  },
  llama: {
    command: node(join(WORKLOADS, 'llama-generate.mjs'), '--preset', 'small', '--new-tokens', '8'),
    effects: ['start'],
  },
  server: {
    command: node(join(WORKLOADS, 'drive.mjs'), 'none', '--preset', 'tiny', '--requests', options.requests),
    effects: ['leak', 'miss', 'start'],
  },
};
/** What must be named: the arena or pool, and a function among the sites. */
const TRUTH = {
  grow: { names: ['bench-cache', 'bench-cache#1'], site: /fillCache/ },
  leak: { names: [], site: /keepRequest/ },
  start: { names: [], site: /loadAtStart/ },
  miss: { names: ['tensor-pool', 'tensor-pool#1'], site: /tensor-pool|TensorPool|take/i },
};

const folder = makeGateFolder();
process.on('exit', () => folder.remove());

/** Runs with an effect in the environment. */
function runnerOf(name, effect) {
  const { command } = PROGRAMS[name];
  const isMiss = effect.startsWith('miss');
  const argv = isMiss ? command.map((word) => (word === 'none' ? 'POOL_MISS' : word)) : command;
  const runner = createGateRunner(
    { shown: `${name} ${effect}`, argv: ['env', `GATE_EFFECT=${isMiss ? '' : effect}`, ...argv] },
    'now',
    join(folder.path, `${name}-${effect}`),
    {
      sampling: GATE_DEFAULTS,
      timeoutSeconds: GATE_DEFAULTS.timeoutSeconds,
      recogniser: shippedRecogniser(),
      onRun: () => undefined,
    },
  );
  return runner;
}

const next = randomNumbers(Number(options.seed));

/** Some of them, none twice, in an order by chance. */
function draw(all, count) {
  const rest = [...all];
  return Array.from({ length: Math.min(count, rest.length) }, () => rest.splice(next(rest.length), 1)[0]);
}

/** One decision, run by run, as `memprof gate` makes it. */
function decideOnce(baseRuns, otherRuns, isInterleaved) {
  const { maxRuns: most, tolerance } = GATE_DEFAULTS;
  if (otherRuns.length < most || baseRuns.length < (isInterleaved ? most : GATE_DEFAULTS.baselineRuns)) {
    throw new Error('too few runs: --base-runs 24 and --runs 12 at least');
  }
  const first = isInterleaved ? GATE_DEFAULTS.runsInTurns : GATE_DEFAULTS.runs;
  for (let n = Math.min(3, first); ; n++) {
    const side = isInterleaved ? baseRuns.slice(0, n) : baseRuns;
    const base = baselineOf(side, ['x'], {}, isInterleaved ? -1 : tolerance.bytes / 4);
    const decision = decide({
      base: { series: new Map(base.series.map((one) => [measureKey(one), one])), runs: side.length },
      runs: otherRuns.slice(0, n),
      budgets: [],
      tolerance,
      plan: { first, most },
    });
    if (decision.verdict === 'more') continue;
    const grown = decision.comparisons.filter(({ verdict }) => verdict === 'grown');
    return { ...decision, runs: n, sites: sitesThatGrew(base.sites, meanSites(otherRuns.slice(0, n)), grown) };
  }
}

/** Whether what was named is what was done. */
function isNamed(effect, { comparisons, sites }) {
  const truth = TRUTH[effect.split('=')[0]];
  const [main] = mainGrowth(comparisons).shown;
  const isName = truth.names.length === 0 || truth.names.includes(main?.name);
  return isName && truth.site.test(sites[0]?.site ?? '');
}

const percent = (part, all) => `${((100 * part) / all).toFixed(1)} %`;

const loaded = options.load === '' ? undefined : JSON.parse(readFileSync(options.load, 'utf8'));
const saved = {};

/** The runs of a program: `{ effect: [run, ...] }`. */
async function runsOf(name, effects) {
  if (loaded !== undefined) return loaded[name];
  const runners = new Map(effects.map((effect) => [effect, runnerOf(name, effect)]));
  const count = (effect) => Number(effect === 'none' ? options['base-runs'] : options.runs);
  for (let round = 0; round < Number(options['base-runs']); round++) {
    for (const [effect, runner] of runners) if (round < count(effect)) await runner.start();
  }
  const runs = {};
  for (const [effect, runner] of runners) runs[effect] = await runner.finished();
  return runs;
}

for (const name of options.programs.split(',')) {
  const effects = options.effects
    .split(',')
    .filter((effect) => /^(none|grow)/.test(effect) || PROGRAMS[name].effects.includes(effect.split('=')[0]));
  const began = performance.now();
  const runs = await runsOf(name, effects);
  const seconds = (performance.now() - began) / 1000 / Object.values(runs).flat().length;
  saved[name] = runs;
  if (options.save !== '') writeFileSync(options.save, JSON.stringify(saved));

  const rows = [];
  const data = [];
  for (const effect of effects) {
    for (const isInterleaved of [false, true]) {
      const decisions = Array.from({ length: Number(options.decisions) }, () => {
        const drawn = draw(runs.none, (isInterleaved ? 12 : 10) + (effect === 'none' ? 12 : 0));
        const base = drawn.slice(0, isInterleaved ? 12 : 10);
        const other = effect === 'none' ? drawn.slice(base.length) : draw(runs[effect], 12);
        return decideOnce(base, other, isInterleaved);
      });
      const of = (verdict) => decisions.filter((one) => one.verdict === verdict);
      const named = effect === 'none' ? undefined : of('regression').filter((one) => isNamed(effect, one)).length;
      const row = {
        effect,
        against: isInterleaved ? 'in turns' : 'baseline',
        decisions: decisions.length,
        regression: of('regression').length,
        inconclusive: of('inconclusive').length,
        named,
        runs: median(decisions.map((one) => one.runs)),
      };
      data.push(row);
      rows.push([
        effect,
        row.against,
        percent(row.regression, row.decisions),
        percent(row.inconclusive, row.decisions),
        named === undefined || row.regression === 0 ? '' : percent(named, row.regression),
        String(row.runs),
      ]);
    }
  }
  section({
    id: name,
    title: `${name}: ${options.decisions} decisions a row, drawn from ${options['base-runs']} runs without a change and ${options.runs} with each`,
    columns: ['change', 'against', 'regression', 'inconclusive', 'named right', 'runs (median)'],
    rows,
    notes: loaded === undefined ? [`${seconds.toFixed(1)} s a run, reading it included`] : [],
    data,
  });
}
finish();
