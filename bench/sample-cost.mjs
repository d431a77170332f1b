#!/usr/bin/env node
/**
 * What one sample costs, on each Node of fixtures/nodes: the time of a malloc that is sampled (walk, JavaScript frames with their lines, interning,
 * live table, event) less that of the same malloc in the same stack without the sampler, from an addon that times single calls.
 *
 *     node bench/sample-cost.mjs [--rounds 5] [--samples 20000] [--nodes 20,22,24,26] [--json FILE]
 *
 * warm: the same stack again and again. cache-cold: a stack seen once before, 64 MiB of other memory ago. new code: every JavaScript function of it and
 * a native one are seen for the first time. first: the first of the process's own stacks. The means and the cap are set so that each block is a sample.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compile, fixtureNode, output, scratch } from './lib/process.mjs';
import { startReport } from './lib/report.mjs';
import { interleave } from './lib/rounds.mjs';
import { withSampler } from './lib/run-directory.mjs';
import { median, quantile } from './lib/statistics.mjs';
import { framesAbove } from './lib/store.mjs';

const BLOCK_BYTES = 20_011; // as in sample-cost/target.cjs
const KINDS = { warm: 'warm', evicted: 'cache-cold', newCode: 'new code', first: 'first' };
const TARGETS = { warm: '2.5', newCode: '15' };
const { options, section, finish } = startReport('sample-cost', {
  rounds: '5',
  samples: '20000',
  nodes: '20,22,24,26',
});

const targetFile = join(import.meta.dirname, 'sample-cost/target.cjs');
const rows = [];
const data = [];
for (const major of options.nodes.split(',')) {
  const node = fixtureNode(major);
  const include = join(dirname(node), '../include/node');
  const source = join(import.meta.dirname, 'sample-cost/timed.c');
  const addon = compile(`timed-${major}.node`, [source], ['-fPIC', '-shared', `-I${include}`]);
  const result = join(scratch, 'durations.json');
  let frames = 0;
  const run = (env) => {
    output([node, targetFile, addon, result, options.samples], env);
    return JSON.parse(readFileSync(result, 'utf8'));
  };
  const sampled = () =>
    withSampler({ meanBytes: 256, maxSamplesPerSecond: 0, v8: false }, (env, directory) => {
      const durations = run(env);
      frames = framesAbove(directory, BLOCK_BYTES);
      return durations;
    });
  const measured = await interleave({ plain: () => run(process.env), sampled }, { rounds: Number(options.rounds) });
  if (frames === 0) throw new Error(`Node ${major}: no block was sampled`);
  for (const [kind, title] of Object.entries(KINDS)) {
    const plainNs = median(measured.plain.flatMap((durations) => durations[kind]));
    const costs = measured.sampled.flatMap((durations) => durations[kind]).map((ns) => (ns - plainNs) / 1000);
    const [low, middle, high] = [0.1, 0.5, 0.9].map((q) => quantile(costs, q));
    const target = TARGETS[kind] ?? '';
    data.push({ node: major, kind: title, frames, samples: costs.length, median: middle, low, high, target });
    rows.push([
      `Node ${major}, ${title}`,
      String(frames),
      middle.toFixed(1),
      `${low.toFixed(1)}-${high.toFixed(1)}`,
      target,
    ]);
  }
}
section({
  id: 'sample-cost',
  title: 'microseconds a sample',
  columns: ['', 'frames', 'median us', 'deciles', 'target'],
  rows,
  data,
});
finish();
