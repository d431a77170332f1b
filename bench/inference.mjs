#!/usr/bin/env node
/**
 * What profiling costs a real inference program: CPU time (user and system, with children) of fixtures/workloads/onnx-generate.mjs
 * alone, with memprof's parts inside it, and under heaptrack, in turns. memprof's own process is left out: it runs beside the program and
 * after it; its wall time after the program's end is printed apart.
 *
 *     node bench/inference.mjs [--rounds 7] [--requests 4] [--new-tokens 64]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    requests: { type: 'string', default: '4' },
    'new-tokens': { type: 'string', default: '64' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'memprof-bench-'));
const program = join(ROOT, 'fixtures/workloads/onnx-generate.mjs');
/** Prints its own CPU time and the moment of its end to a file, whatever else is in the process. */
const probe = join(folder, 'probe.cjs');
const report = join(folder, 'report.json');
const PROBE = `process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  require('node:fs').writeFileSync(${JSON.stringify(report)}, JSON.stringify({ cpuMs: (user + system) / 1e3, endedAt: Date.now() }));
});`;
writeFileSync(probe, PROBE);
const command = [
  'node',
  '--require',
  probe,
  program,
  '--requests',
  options.requests,
  '--new-tokens',
  options['new-tokens'],
];
const memprof = [process.execPath, join(ROOT, 'bin/memprof.js'), 'run', '-q', '-f', '-o', join(folder, 'r')];
const hasHeaptrack = spawnSync('heaptrack', ['--version']).status === 0;
const VARIANTS = {
  plain: command,
  memprof: [...memprof, '--', ...command],
  'memprof --no-v8': [...memprof, '--no-v8', '--', ...command],
  'memprof --sample-bytes 512k': [...memprof, '--sample-bytes', '512k', '--', ...command],
  ...(hasHeaptrack && { heaptrack: ['heaptrack', '-o', join(folder, 'heaptrack'), ...command] }),
};

function run([file, ...args]) {
  const { status, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file}: ${stderr}`);
  const { cpuMs, endedAt } = JSON.parse(readFileSync(report, 'utf8'));
  return { cpuMs, afterMs: Date.now() - endedAt };
}

const results = Object.fromEntries(Object.keys(VARIANTS).map((name) => [name, []]));
for (let round = -1; round < Number(options.rounds); round++) {
  for (const [name, variant] of Object.entries(VARIANTS)) {
    const result = run(variant);
    if (round >= 0) results[name].push(result); // the first round fills caches
  }
}
rmSync(folder, { recursive: true });

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const rows = Object.entries(results).map(([name, measured]) => {
  const ratios = measured.map(({ cpuMs }, round) => cpuMs / results.plain[round].cpuMs);
  return {
    variant: name,
    'CPU ms': Math.round(median(measured.map(({ cpuMs }) => cpuMs))),
    'ratio (min-max)': `${median(ratios).toFixed(3)} (${Math.min(...ratios).toFixed(3)}-${Math.max(...ratios).toFixed(3)})`,
    'ms after its end': Math.round(median(measured.map(({ afterMs }) => afterMs))),
  };
});
console.table(rows);
