#!/usr/bin/env node
/**
 * What memprof.h costs a native library, with nobody there and under the sampler: ns of CPU a call.
 *
 *     node bench/header.mjs [--rounds 15] [--calls 10000000] [--json FILE]
 *
 * Not in it: samples of the heap's blocks, which cost what samples of malloc cost (bench/sample-cost.mjs); at the mean of 512 KiB there are few.
 */
import { join } from 'node:path';
import { compile, output } from './lib/process.mjs';
import { startReport } from './lib/report.mjs';
import { interleave } from './lib/rounds.mjs';
import { withSampler } from './lib/run-directory.mjs';
import { median, quantile } from './lib/statistics.mjs';

const KINDS = { pair: 'push and pop', carved: 'heap_alloc and heap_free', named: 'a pool by its name' };
const { options, section, finish } = startReport('header', { rounds: '15', calls: '10000000' });

const program = compile('calls', [join(import.meta.dirname, 'header/calls.c')], ['-fPIC']);
const run = (env) => JSON.parse(output([program, options.calls], env));
const measured = await interleave(
  {
    alone: () => run(process.env),
    sampled: () => withSampler({ meanBytes: 524_288, v8: false }, (env) => run(env)),
  },
  { rounds: Number(options.rounds) },
);

const data = Object.keys(KINDS).flatMap((kind) =>
  Object.entries(measured).map(([side, rounds]) => {
    const values = rounds.map((round) => round[kind]);
    return { kind, side, median: median(values), low: quantile(values, 0.1), high: quantile(values, 0.9) };
  }),
);
const cell = ({ median: middle, low, high }) => `${middle.toFixed(1)} (${low.toFixed(1)}-${high.toFixed(1)})`;
const rows = Object.entries(KINDS).map(([kind, title]) => [
  title,
  ...data.filter((one) => one.kind === kind).map((one) => cell(one)),
]);
section({ id: 'header', title: 'Calls of memprof.h, ns', columns: ['', 'alone', 'under the sampler'], rows, data });
finish();
