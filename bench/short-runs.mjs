#!/usr/bin/env node
/**
 * What memprof adds to a program that ends at once, as its user waits for it: `node -e 0` alone and under `memprof run`, in
 * turns. Nothing else should run on the machine.
 *
 *     node bench/short-runs.mjs [--rounds 11]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MEMPROF = join(ROOT, 'bin/memprof.js');
const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '11' } } });

function milliseconds(command, args, cwd) {
  const startedAt = process.hrtime.bigint();
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return Number(process.hrtime.bigint() - startedAt) / 1e6;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const describe = (numbers) =>
  `${median(numbers).toFixed(0)} (${Math.min(...numbers).toFixed(0)}-${Math.max(...numbers).toFixed(0)})`;

const rows = [];
for (const major of ['20', '22', '24', '26']) {
  const node = join(ROOT, `fixtures/nodes/node_modules/node-${major}/bin/node`);
  if (!existsSync(node)) throw new Error(`missing ${node}: node fixtures/install.mjs nodes`);
  const folder = mkdtempSync(join(tmpdir(), 'memprof-short-'));
  const plain = [];
  const under = [];
  const help = [];
  for (let round = -1; round < Number(options.rounds); round++) {
    const times = [
      milliseconds(node, ['-e', '0'], folder),
      milliseconds(node, [MEMPROF, 'run', '--', node, '-e', '0'], folder),
      milliseconds(node, [MEMPROF, '--help'], folder),
    ];
    if (round < 0) continue; // fills caches
    plain.push(times[0]);
    under.push(times[1]);
    help.push(times[2]);
  }
  rmSync(folder, { recursive: true });
  const added = under.map((time, round) => time - plain[round]);
  rows.push({
    node: major,
    'plain ms': describe(plain),
    'run ms': describe(under),
    'added ms': describe(added),
    '--help ms': describe(help),
  });
}
console.table(rows);
