#!/usr/bin/env node
/**
 * How far estimates are from the truth: fixtures/truth/sites.mjs holds eleven kinds of memory, known to the byte, and writes down
 * how much. Mean, spread and worst error over some runs on each Node, and how often the printed 95 % interval held the truth.
 *
 *     node bench/accuracy.mjs [--runs 5] [--mib 192] [--sample-bytes 64k] [--v8-interval 64k]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { intervals } from '../dist/analyze/interval.js';
import { buildProfile } from '../dist/interpret/index.js';
import { frameReader } from '../dist/model/frames.js';
import { INUSE_OBJECTS, INUSE_SPACE } from '../dist/model/profile.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FIXTURE = join(ROOT, 'fixtures/truth/sites.mjs');

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    mib: { type: 'string', default: '192' },
    'sample-bytes': { type: 'string', default: '64k' },
    'v8-interval': { type: 'string', default: '64k' },
  },
});

async function measure(node) {
  const folder = mkdtempSync(join(tmpdir(), 'memprof-accuracy-'));
  try {
    const truthFile = join(folder, 'truth.json');
    const flags = ['--sample-bytes', options['sample-bytes'], '--v8-interval', options['v8-interval']];
    const cap = ['--max-samples-per-second', '1000000'];
    const command = [
      join(ROOT, 'bin/memprof.js'),
      'run',
      '-q',
      '-o',
      join(folder, 'r'),
      ...flags,
      ...cap,
      '--',
      node,
      FIXTURE,
    ];
    const env = { ...process.env, TRUTH_OUT: truthFile, TRUTH_HELD_MIB: options.mib };
    const { status, stderr } = spawnSync(process.execPath, command, { env, encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    const profile = await buildProfile(join(folder, 'r'));
    return Object.values(JSON.parse(readFileSync(truthFile, 'utf8'))).map((truth) => compare(profile, truth));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function compare(profile, truth) {
  const framesOf = frameReader(profile);
  const sums = { objects: 0, bytes: 0, objectsVariance: 0, bytesVariance: 0 };
  for (const sample of profile.samples) {
    const isV8 = sample.labels.heap === 'v8';
    if (isV8 !== (truth.heap === 'v8')) continue;
    const frame = framesOf(sample).find(({ file }) => file.endsWith(truth.file));
    if (frame?.name !== truth.function || (!isV8 && frame.line !== truth.line)) continue;
    sums.objects += sample.values[INUSE_OBJECTS];
    sums.bytes += sample.values[INUSE_SPACE];
    sums.objectsVariance += sample.variances[INUSE_OBJECTS];
    sums.bytesVariance += sample.variances[INUSE_SPACE];
  }
  const { low, high } = intervals(sums).bytes;
  return { site: truth.function, error: sums.bytes / truth.bytes - 1, held: low <= truth.bytes && truth.bytes <= high };
}

const percent = (value) => `${(100 * value).toFixed(1)} %`;
const rows = [];
for (const major of ['20', '22', '24', '26']) {
  const node = join(ROOT, `fixtures/nodes/node_modules/node-${major}/bin/node`);
  if (!existsSync(node)) throw new Error(`missing ${node}: node fixtures/install.mjs nodes`);
  const bySite = new Map();
  for (let run = 0; run < Number(options.runs); run++) {
    for (const { site, ...result } of await measure(node)) bySite.set(site, [...(bySite.get(site) ?? []), result]);
  }
  for (const [site, results] of bySite) {
    const errors = results.map(({ error }) => error);
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    const sd = Math.sqrt(errors.reduce((sum, error) => sum + (error - mean) ** 2, 0) / Math.max(1, errors.length - 1));
    const worst = Math.max(...errors.map(Math.abs));
    const held = results.filter((result) => result.held).length;
    rows.push({
      node: major,
      site,
      mean: percent(mean),
      sd: percent(sd),
      worst: percent(worst),
      'in interval': `${held}/${results.length}`,
    });
  }
}
console.table(rows);
