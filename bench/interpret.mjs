#!/usr/bin/env node
/**
 * What the end of a long run costs: from a recording on disk to profile.pb.gz, profile.speedscope.json and summary.json, in a fresh
 * process, by the number of samples.
 *
 *     node bench/interpret.mjs [--samples 10000,30000,100000,300000,1000000] [--rounds 5] [--keep FOLDER] [--json FILE]
 *
 * "1 M samples" are 1,000,000 sampled allocations with their events, of which 85 % are freed again (another 850,000 events) and
 * 150,000 are live at the end; 50,000 distinct sites (one for 20 samples) with stacks of 40 to 50 native and JavaScript frames; three
 * processes with 80, 10 and 10 % of it; 15,000 code addresses in Node, libc and onnxruntime, 3,000 functions of real scripts, each
 * looked up; four snapshots of the peak and one of the end in each process, and a V8 profile. No symbols are stored: the timed process
 * does all that `memprof run` does when the program has ended. Time includes the start of Node. The ratios are to the smallest recording.
 * `--keep` leaves the recordings with their reports in that folder.
 */
import { readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { measured, scratch } from './lib/process.mjs';
import { startReport } from './lib/report.mjs';
import { interleave } from './lib/rounds.mjs';
import { mean, ratios, summarize } from './lib/statistics.mjs';
import { recordingBytes, writeSyntheticRecording } from './lib/synthetic-recording.mjs';
import { withSpread } from './lib/table.mjs';

const { options, section, finish } = startReport('interpret', {
  samples: '10000,30000,100000,300000,1000000',
  rounds: '5',
  keep: '',
});
const CHILD = join(import.meta.dirname, 'lib/report-once.mjs');
const REPORTS = ['profile.pb.gz', 'profile.speedscope.json', 'summary.json'];
const TARGETS = { 1000000: '3 s, 450 MiB' };
const mebibytes = (bytes) => bytes / 2 ** 20;

/** Writes a recording; a function that makes its reports, each time as if for the first time, and fails if there are none. */
function prepare(samples) {
  const directory = join(options.keep || scratch, String(samples));
  writeSyntheticRecording(directory, { samples });
  const sizes = readdirSync(directory)
    .filter((name) => name.endsWith('.mpr'))
    .map((name) => [join(directory, name), statSync(join(directory, name)).size]);
  const recordingMib = mebibytes(recordingBytes(directory));
  return () => {
    for (const [path, bytes] of sizes) truncateSync(path, bytes); // it appends the symbols
    for (const name of REPORTS) rmSync(join(directory, name), { force: true });
    const { wallMs, cpuMs, maxRssMib } = measured([process.execPath, CHILD, directory]);
    const filesMib = REPORTS.map((name) => mebibytes(statSync(join(directory, name)).size));
    return { recordingMib, wallS: wallMs / 1000, cpuS: cpuMs / 1000, peakMib: maxRssMib, filesMib };
  };
}

const counts = options.samples.split(',').map(Number);
const sides = Object.fromEntries(counts.map((samples) => [samples, prepare(samples)]));
const results = await interleave(sides, { rounds: Number(options.rounds) });
const data = counts.map((samples) => {
  const of = (key, side = samples) => results[side].map((result) => result[key]);
  return {
    samples,
    recordingMib: results[samples][0].recordingMib,
    wallS: summarize(of('wallS')),
    cpuS: summarize(of('cpuS')),
    ratio: summarize(ratios(of('wallS'), of('wallS', counts[0]))),
    peakMib: Math.max(...of('peakMib')),
    filesMib: results[samples][0].filesMib,
  };
});

/** The slope of log value over log samples: 1 is linear, less is a fixed cost that wears off. */
function exponent(rows, value) {
  const points = rows.map((row) => [Math.log(row.samples), Math.log(value(row))]);
  const x = mean(points.map(([one]) => one));
  const y = mean(points.map(([, one]) => one));
  const top = points.reduce((sum, [one, other]) => sum + (one - x) * (other - y), 0);
  return top / points.reduce((sum, [one]) => sum + (one - x) ** 2, 0);
}

const slopes = (value) => `^${exponent(data, value).toFixed(2)}, ^${exponent(data.slice(-2), value).toFixed(2)}`;
section({
  id: 'interpret',
  title: 'from a recording to all files',
  columns: [
    'samples',
    'recording MiB',
    'wall s (spread)',
    'CPU s',
    'ratio (spread)',
    'peak MiB',
    'files MiB',
    'target',
  ],
  rows: data.map(({ samples, recordingMib, wallS, cpuS, ratio, peakMib, filesMib }) => [
    String(samples),
    recordingMib.toFixed(1),
    withSpread(wallS),
    cpuS.median.toFixed(2),
    samples === counts[0] ? '' : withSpread(ratio, 1),
    peakMib.toFixed(0),
    filesMib.map((size) => size.toFixed(1)).join(' + '),
    TARGETS[samples] ?? '',
  ]),
  notes: [
    'peak: the worst round; files: pprof, speedscope, summary',
    ...(data.length > 1
      ? [
          `with the samples, over all and in the last step, grow: CPU ${slopes((row) => row.cpuS.median)}; peak ${slopes((row) => row.peakMib)}`,
        ]
      : []),
  ],
  data,
});
if (options.keep === '') for (const samples of counts) rmSync(join(scratch, String(samples)), { recursive: true });
finish();
