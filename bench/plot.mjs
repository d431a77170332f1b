#!/usr/bin/env node
/**
 * Draws what the benches wrote with --json: the pictures of docs/explanation/performance.md.
 *
 *     node bench/plot.mjs [--results bench/results] [--to docs/img]
 *
 * A picture is left out, and said so, where its results are missing.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { dotRows, linePanels } from './plot/charts.mjs';
import { COLOURS } from './plot/svg.mjs';

const ROOT = join(import.meta.dirname, '..');
const { values: options } = parseArgs({
  options: {
    results: { type: 'string', default: join(ROOT, 'bench/results') },
    to: { type: 'string', default: join(ROOT, 'docs/img') },
  },
});

/** Sections of all results by their id. */
const sections = new Map(
  readdirSync(options.results)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => JSON.parse(readFileSync(join(options.results, name), 'utf8')).sections)
    .map((section) => [section.id, section.data]),
);

const TOOLS = {
  memprof: { name: 'memprof', colour: COLOURS.blue },
  'jemalloc profiled': { name: "jemalloc's profiler", colour: COLOURS.green },
  'tcmalloc profiled': { name: "tcmalloc's profiler", colour: COLOURS.purple },
  heaptrack: { name: 'heaptrack', colour: COLOURS.orange },
  'valgrind dhat': { name: 'valgrind dhat', colour: COLOURS.red },
};
const WORKLOADS = {
  'malloc-1': 'malloc and free, 1 thread',
  'malloc-8': '8 threads',
  buffers: 'Node Buffers, full speed',
  onnx: 'ONNX Runtime',
  llama: 'llama.cpp',
  server: 'SSE server',
  'exec-shell': 'a shell that starts programs',
  'exec-git': 'git commands',
};

function overhead() {
  const rows = Object.entries(WORKLOADS).flatMap(([id, workload]) =>
    (sections.get(id) ?? [])
      .filter(({ side }) => side in TOOLS)
      .map(({ side, ratio, target }, index) => ({
        name: index === 0 ? workload : '',
        first: index === 0,
        value: `${ratio.median < 10 ? ratio.median.toFixed(2) : ratio.median.toFixed(0)}x`,
        ...(/^\d/.test(target) && { target: Number(target) }),
        marks: [{ value: ratio.median, low: ratio.low, high: ratio.high, colour: TOOLS[side].colour }],
      })),
  );
  if (rows.length === 0) return undefined;
  return dotRows({
    title: 'CPU time with a profiler, over CPU time without it',
    note: 'Median and first to last decile of paired rounds; the upright tick is the target. The profilers of jemalloc and tcmalloc are compared with their own allocator.',
    labelWidth: 200,
    legend: Object.values(TOOLS),
    axis: { low: 0.8, high: 130, log: true, ticks: [1, 1.5, 2, 5, 10, 20, 50, 100], format: (value) => `${value}x` },
    rows,
  });
}

const Z = 1.96;

/** Wilson's 95 % interval of a share that was seen in n draws. */
function wilson(share, n) {
  const centre = (share + Z ** 2 / (2 * n)) / (1 + Z ** 2 / n);
  const half = (Z * Math.sqrt((share * (1 - share)) / n + Z ** 2 / (4 * n ** 2))) / (1 + Z ** 2 / n);
  return { low: centre - half, high: Math.min(1, centre + half) };
}

const siteName = (site) => site.replace(/^hold_(\d+)_bytes_block$/, 'C: blocks of $1 bytes').replace(/^hold/, '');

function coverage() {
  const sites = sections.get('accuracy-site');
  const all = sections.get('accuracy');
  if (!sites || !all) return undefined;
  const row = (name, { held, heldStrictly, siteRuns }, first = false) => ({
    name,
    first,
    value: `${(100 * held).toFixed(1)} % of ${siteRuns}`,
    marks: [
      ...(heldStrictly === held ? [] : [{ value: 100 * heldStrictly, colour: COLOURS.blue, hollow: true }]),
      {
        value: 100 * held,
        low: 100 * wilson(held, siteRuns).low,
        high: 100 * wilson(held, siteRuns).high,
        colour: COLOURS.blue,
      },
    ],
  });
  const isC = ({ name }) => name.startsWith('hold_');
  const firstJs = sites.find((site) => !isC(site));
  return dotRows({
    title: 'How often the printed 95 % interval held the truth, by site',
    note: 'The bar is what chance allows for such a share (Wilson, 95 %). JavaScript: eleven kinds of memory, Node 20 to 26.',
    labelWidth: 200,
    legend: [
      { name: 'the blocks, with or without what the engine keeps beside each', colour: COLOURS.blue },
      { name: 'the blocks alone', colour: COLOURS.blue, hollow: true },
    ],
    axis: { low: 80, high: 100, ticks: [80, 85, 90, 95, 100], format: (value) => `${value} %` },
    lines: [{ value: 100 * all.target, name: 'target' }],
    rows: [...sites.map((site) => row(siteName(site.name), site, site === firstJs)), row('all', all, true)],
  });
}

const TARGET_SAMPLES = 1_000_000;

function interpretation() {
  const rows = sections.get('interpret');
  if (!rows) return undefined;
  const points = (pick) => rows.map((row) => ({ x: row.samples, ...pick(row) }));
  const timed = (key) => points((row) => ({ y: row[key].median, low: row[key].low, high: row[key].high }));
  const ticksTo = (most, step) => Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step);
  const seconds = ticksTo(Math.max(3, ...rows.flatMap(({ wallS, cpuS }) => [wallS.high, cpuS.high])), 2);
  const mebibytes = ticksTo(Math.max(450, ...rows.map(({ peakMib }) => peakMib)), 100);
  return linePanels({
    title: 'From a recording to pprof, speedscope and summary',
    note: 'Median and first to last decile of the rounds; memory: the most of all rounds. The short line is the target for a million samples.',
    x: {
      low: Math.min(10_000, rows[0].samples),
      high: Math.max(TARGET_SAMPLES, rows.at(-1).samples),
      ticks: rows.map(({ samples }) => samples),
      format: (samples) => (samples >= 1e6 ? `${samples / 1e6} M` : `${samples / 1000} k`),
      name: 'samples',
    },
    panels: [
      {
        name: 'seconds (target: 3)',
        high: seconds.at(-1),
        ticks: seconds,
        target: { x: TARGET_SAMPLES, y: 3 },
        lines: [
          { name: 'as one waits', colour: COLOURS.blue, points: timed('wallS') },
          { name: 'CPU', colour: COLOURS.orange, points: timed('cpuS') },
        ],
      },
      {
        name: 'peak memory, MiB (target: 450)',
        high: mebibytes.at(-1),
        ticks: mebibytes,
        target: { x: TARGET_SAMPLES, y: 450 },
        lines: [{ name: 'peak', colour: COLOURS.blue, points: points((row) => ({ y: row.peakMib })) }],
      },
    ],
  });
}

mkdirSync(options.to, { recursive: true });
for (const [name, draw] of Object.entries({ overhead, coverage, interpretation })) {
  const file = join(options.to, `${name}.svg`);
  const picture = draw();
  if (picture) writeFileSync(file, picture);
  console.log(picture ? file : `${name}: no results`);
}
