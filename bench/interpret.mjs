#!/usr/bin/env node
/**
 * What the end of a long run costs: from a recording on disk to profile.pb.gz, profile.speedscope.json and summary.json, in a fresh
 * process, by the number of samples.
 *
 *     node bench/interpret.mjs [--samples 10000,30000,100000,300000,1000000] [--rounds 3] [--keep FOLDER]
 *
 * "1 M samples" are 1,000,000 sampled allocations with their events, of which 85 % are freed again (another 850,000 events) and
 * 150,000 are live at the end; 50,000 distinct sites (one for 20 samples) with stacks of 40 to 50 native and JavaScript frames; three
 * processes with 80, 10 and 10 % of it; 15,000 code addresses in Node, libc and onnxruntime, 3,000 functions of real scripts, each
 * looked up; four snapshots of the peak and one of the end in each process, and a V8 profile. No symbols are stored: the timed process
 * does all that `memprof run` does when the program has ended. Time includes the start of Node.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { recordingBytes, writeSyntheticRecording } from './lib/synthetic-recording.mjs';

const { values: options } = parseArgs({
  options: {
    samples: { type: 'string', default: '10000,30000,100000,300000,1000000' },
    rounds: { type: 'string', default: '3' },
    keep: { type: 'string' },
  },
});
const CHILD = fileURLToPath(new URL('lib/report-once.mjs', import.meta.url));
const REPORTS = ['profile.pb.gz', 'profile.speedscope.json', 'summary.json'];
const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(1);

/** `run` appends the symbols to each file: taken off again, so that every round does the same. */
function measure(directory, sizes) {
  for (const [path, bytes] of sizes) truncateSync(path, bytes);
  const startedAt = process.hrtime.bigint();
  const { status, stdout, stderr } = spawnSync(process.execPath, [CHILD, directory], {
    encoding: 'utf8',
  });
  const wallMs = Number(process.hrtime.bigint() - startedAt) / 1e6;
  if (status !== 0) throw new Error(stderr);
  return { wallMs, ...JSON.parse(stdout) };
}

const rows = [];
const folder = options.keep ?? mkdtempSync(join(tmpdir(), 'memprof-interpret-'));
try {
  for (const samples of options.samples.split(',').map(Number)) {
    const directory = join(folder, String(samples));
    writeSyntheticRecording(directory, { samples });
    const sizes = readdirSync(directory)
      .map((name) => join(directory, name))
      .filter((path) => path.endsWith('.mpr'))
      .map((path) => [path, statSync(path).size]);
    const recorded = recordingBytes(directory);
    const runs = Array.from({ length: Number(options.rounds) }, () => measure(directory, sizes));
    const best = (key) => Math.min(...runs.map((run) => run[key]));
    rows.push({
      samples,
      'recording MiB': mebibytes(recorded),
      'wall s': (best('wallMs') / 1000).toFixed(2),
      'cpu s': (best('cpuMs') / 1000).toFixed(2),
      'peak MiB': mebibytes(Math.max(...runs.map((run) => run.maxRssBytes))),
      ...Object.fromEntries(REPORTS.map((name) => [name, mebibytes(statSync(join(directory, name)).size)])),
    });
    console.error(`${samples} samples: ${rows.at(-1)['cpu s']} s of CPU`);
    if (options.keep === undefined) rmSync(directory, { recursive: true });
  }
} finally {
  if (options.keep === undefined) rmSync(folder, { recursive: true, force: true });
}

console.log('Sizes in MiB; time: the best of the rounds; peak: the worst.');
console.table(rows);

/** The slope of log time over log samples: 1 is linear, less is a fixed cost that wears off. */
function exponent(key) {
  const points = rows.map((row) => [Math.log(row.samples), Math.log(Number(row[key]))]);
  const mean = (pick) => points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const x = mean(([one]) => one);
  const y = mean(([, one]) => one);
  const top = points.reduce((sum, [one, other]) => sum + (one - x) * (other - y), 0);
  return top / points.reduce((sum, [one]) => sum + (one - x) ** 2, 0);
}

if (rows.length > 1) {
  const [before, last] = rows.slice(-2);
  const step = Math.log(Number(last['cpu s']) / Number(before['cpu s'])) / Math.log(last.samples / before.samples);
  console.log(`cpu ~ samples^${exponent('cpu s').toFixed(2)} over all, ^${step.toFixed(2)} in the last step`);
  console.log(`peak memory ~ samples^${exponent('peak MiB').toFixed(2)}`);
}
