#!/usr/bin/env node
/**
 * What the API costs a program that nobody profiles, on each Node of fixtures/nodes.
 *
 *     node bench/api.mjs [--rounds 31] [--calls 2000000] [--requests 4000] [--nodes 20,22,24,26] [--json FILE]
 *
 * calls: ns for a call of each function of it, beside the same work without. loop: CPU time of requests of 20 tokens, each a matrix
 * times a vector in a stage of an arena, with and without the API; `--requests` pairs. The sides are compared at the quarter of their requests that went
 * best, for other programs only ever make one slower.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixtureNode, output, scratch } from './lib/process.mjs';
import { comparison, startReport } from './lib/report.mjs';
import { quantile, ratios, summarize } from './lib/statistics.mjs';
import { withSpread } from './lib/table.mjs';

const { options, section, finish } = startReport('api', {
  rounds: '31',
  calls: '2000000',
  requests: '4000',
  nodes: '20,22,24,26',
});
const target = join(import.meta.dirname, 'api/target.mjs');

const rows = [];
const data = [];
for (const major of options.nodes.split(',')) {
  const file = join(scratch, `api-${major}.json`);
  output([fixtureNode(major), target, file, options.rounds, options.calls, options.requests]);
  const { calls, loop } = JSON.parse(readFileSync(file, 'utf8'));
  section(
    comparison({
      id: `calls-${major}`,
      title: `One call, Node ${major}`,
      unit: 'ns',
      values: calls,
      added: true,
      targets: Object.fromEntries(
        Object.keys(calls)
          .slice(1)
          .map((side) => [side, '+5 ns']),
      ),
    }),
  );
  const best = { without: quantile(loop.without, 0.25), with: quantile(loop.with, 0.25) };
  const throughput = best.without / best.with;
  const paired = ratios(loop.without, loop.with);
  data.push({ node: major, pairs: paired.length, best, throughput, paired: summarize(paired) });
  rows.push([
    `Node ${major}`,
    best.without.toFixed(3),
    throughput.toFixed(4),
    withSpread(summarize(paired), 3),
    '0.999',
  ]);
}
section({
  id: 'loop',
  title: 'Requests of 20 tokens, 42 calls of the API in each',
  columns: ['', 'CPU ms without', 'throughput with', 'by pairs (spread)', 'target'],
  rows,
  data,
});
finish();
