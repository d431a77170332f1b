#!/usr/bin/env node
/**
 * What the API costs a program that nobody profiles, on each Node of fixtures/nodes, and what it costs under `memprof run`.
 *
 *     node bench/api.mjs [--processes 5] [--rounds 11] [--calls 1000000] [--requests 1000] [--nodes 20,22,24,26] [--json FILE]
 *
 * calls: CPU time of a call of each function of it, beside the same work without. profiled: the same under
 * `memprof run`, a tenth as often. loop: CPU time of requests of 20 tokens, each a matrix times a vector in a stage of an arena, with and without the API;
 * `--requests` pairs in each process. The sides are compared at the quarter of their requests that went best, for other programs only ever make one slower.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixtureNode, MEMPROF, output, scratch } from './lib/process.mjs';
import { comparison, startReport } from './lib/report.mjs';
import { quantile, ratios, summarize } from './lib/statistics.mjs';
import { withSpread } from './lib/table.mjs';

const { options, section, finish } = startReport('api', {
  processes: '5',
  rounds: '11',
  calls: '1000000',
  requests: '1000',
  nodes: '20,22,24,26',
});
const target = join(import.meta.dirname, 'api/target.mjs');

/** Rounds of several processes, each of which V8 compiles anew. */
function measure(node, calls, wrap) {
  const all = { calls: {}, loop: {} };
  for (let i = 0; i < Number(options.processes); i++) {
    const file = join(scratch, 'api.json');
    output(wrap([node, target, file, options.rounds, String(calls), options.requests, String(i)]));
    for (const [part, sides] of Object.entries(JSON.parse(readFileSync(file, 'utf8')))) {
      for (const [side, values] of Object.entries(sides)) all[part][side] = [...(all[part][side] ?? []), ...values];
    }
  }
  return all;
}

const rows = [];
const data = [];
for (const major of options.nodes.split(',')) {
  const node = fixtureNode(major);
  const { calls, loop } = measure(node, Number(options.calls), (command) => command);
  const targets = Object.fromEntries(
    Object.keys(calls)
      .slice(1)
      .map((side) => [side, '+5 ns']),
  );
  const shared = { unit: 'ns', added: true };
  section(comparison({ ...shared, id: `calls-${major}`, title: `One call, Node ${major}`, values: calls, targets }));
  const folder = join(scratch, 'recording');
  const underMemprof = (command) => [process.execPath, MEMPROF, 'run', '-q', '-f', '-o', folder, '--', ...command];
  const profiled = measure(node, Number(options.calls) / 10, underMemprof).calls;
  section(
    comparison({ ...shared, id: `profiled-${major}`, title: `Under memprof run, Node ${major}`, values: profiled }),
  );
  const best = { without: quantile(loop.without, 0.25), with: quantile(loop.with, 0.25) };
  const throughput = best.without / best.with;
  const paired = summarize(ratios(loop.without, loop.with));
  data.push({ node: major, pairs: loop.with.length, best, throughput, paired });
  rows.push([`Node ${major}`, best.without.toFixed(3), throughput.toFixed(4), withSpread(paired, 3), '0.999']);
}
section({
  id: 'loop',
  title: 'Requests of 20 tokens, 42 calls of the API in each',
  columns: ['', 'CPU ms without', 'throughput with', 'by pairs (spread)', 'target'],
  rows,
  data,
});
finish();
