#!/usr/bin/env node
/**
 * What a diff of two large profiles costs: `memprof diff` of two pprof files with so many call paths each, in each format, in a fresh process.
 *
 *     node bench/diff.mjs [--stacks 10000,100000] [--rounds 3] [--json FILE]
 *
 * The files are those of lib/synthetic-profile.mjs: paths of 30 to 50 frames, all of whose lines and addresses differ. Time includes the
 * start of Node and reading both files. The ratios are to the text.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePprof } from '../dist/report/pprof-write.js';
import { MEMPROF, measured, scratch } from './lib/process.mjs';
import { startReport } from './lib/report.mjs';
import { interleave } from './lib/rounds.mjs';
import { ratios, summarize } from './lib/statistics.mjs';
import { syntheticProfile } from './lib/synthetic-profile.mjs';
import { withSpread } from './lib/table.mjs';

const { options, section, finish } = startReport('diff', { stacks: '10000,100000', rounds: '3' });
const FORMATS = ['text', 'json', 'pprof', 'speedscope'];
const TARGETS = { 100000: '1 s, 300 MiB' };

/** Two files, and a function for each format that compares them. */
function prepare(stacks) {
  const files = [0, 1].map((version) => {
    const path = join(scratch, `${stacks}-${version}.pb.gz`);
    const summary = { memprofVersion: 'bench' };
    writeFileSync(path, writePprof(syntheticProfile(stacks, version), { summary }));
    return path;
  });
  const output = join(scratch, 'difference');
  return FORMATS.map((format) => [
    `${stacks} ${format}`,
    () => {
      const command = [process.execPath, MEMPROF, 'diff', '--format', format, '-f', '-o', output, ...files];
      const { wallMs, cpuMs, maxRssMib } = measured(command);
      return { wallS: wallMs / 1000, cpuS: cpuMs / 1000, peakMib: maxRssMib };
    },
  ]);
}

const counts = options.stacks.split(',').map(Number);
const sides = Object.fromEntries(counts.flatMap(prepare));
const results = await interleave(sides, { rounds: Number(options.rounds) });
const data = counts.flatMap((stacks) =>
  FORMATS.map((format) => {
    const of = (key, side = format) => results[`${stacks} ${side}`].map((result) => result[key]);
    return {
      stacks,
      format,
      wallS: summarize(of('wallS')),
      cpuS: summarize(of('cpuS')),
      ratio: summarize(ratios(of('cpuS'), of('cpuS', 'text'))),
      peakMib: Math.max(...of('peakMib')),
    };
  }),
);
section({
  id: 'diff',
  title: 'two pprof files compared',
  columns: ['call paths', 'format', 'wall s (spread)', 'CPU s (spread)', 'CPU ratio', 'peak MiB', 'target'],
  rows: data.map(({ stacks, format, wallS, cpuS, ratio, peakMib }) => [
    String(stacks),
    format,
    withSpread(wallS),
    withSpread(cpuS),
    format === 'text' ? '' : withSpread(ratio),
    peakMib.toFixed(0),
    format === 'text' ? (TARGETS[stacks] ?? '') : '',
  ]),
  notes: ['peak: the worst round'],
  data,
});
for (const stacks of counts)
  for (const version of [0, 1]) rmSync(join(scratch, `${stacks}-${version}.pb.gz`), { force: true });
finish();
