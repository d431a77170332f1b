/** Every bench still runs and prints its tables: with the smallest settings, whose figures mean nothing and are not looked at. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { runToEnd } from '../cli/run-cli.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const results = temporaryDirectory('bench');
/** Each bench with the sections that it must have, whatever rivals are installed. */
const SECTIONS: Record<string, string[]> = {
  overhead: ['malloc-2', 'buffers', 'onnx', 'llama', 'server', 'server-latency'],
  'sample-cost': ['sample-cost'],
  unwind: ['root-reach'],
  startup: ['short-24', 'agent-24', 'exec-shell'],
  accuracy: ['accuracy-program', 'accuracy-site', 'accuracy'],
  interpret: ['interpret'],
  diff: ['diff'],
  carriers: ['run-24-cped', 'await-24-cped', 'read-24-cped', 'requests-24-cped'],
  ledger: ['residual-24', 'residual', 'cost-map', 'cost-fault', 'stalls-map', 'cost-loop', 'stalls-loop'],
  gate: ['cache'],
  header: ['header'],
  api: ['calls-24', 'profiled-24', 'loop'],
};

interface Report {
  machine: { cpu: string };
  sections: { id: string; title: string; columns: string[]; rows: string[][]; data: unknown }[];
}

const missing = ['nodes/node_modules/node-24', 'workloads/node_modules/onnxruntime-node']
  .map((path) => join('fixtures', path))
  .filter((path) => !existsSync(join(REPOSITORY, path)));
if (missing.length > 0) console.warn(`skipped: ${missing.join(', ')} not there: node fixtures/install.mjs`);

test.skipIf(missing.length > 0).for(Object.entries(SECTIONS))(
  'bench/%s.mjs',
  { timeout: 120_000 },
  async ([name, ids]) => {
    const args = ['bench/all.mjs', '--smoke', '--only', name, '--to', results];
    const { status, stdout, stderr } = await runToEnd(process.execPath, args, { cwd: REPOSITORY });
    expect(status, stderr).toBe(0);
    const report = JSON.parse(readFileSync(join(results, `${name}.json`), 'utf8')) as Report;
    expect(report.sections.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
    for (const { title, columns, rows, data } of report.sections) {
      expect(stdout).toContain(`\n${title}\n`);
      expect(rows.length).toBeGreaterThan(0);
      expect(rows.every((row) => row.length <= columns.length)).toBe(true);
      expect(data).toBeTruthy();
      expect(JSON.stringify(rows)).not.toMatch(/NaN|undefined|Infinity/);
    }
  },
);

test.skipIf(missing.length > 0)('their results make pictures', () => {
  const pictures = readdirSync(results).filter((name) => name.endsWith('.svg'));
  expect(pictures.sort()).toEqual(['coverage.svg', 'interpretation.svg', 'overhead.svg']);
  for (const name of pictures) {
    const svg = readFileSync(join(results, name), 'utf8');
    expect(svg.startsWith('<svg ') && svg.endsWith('</svg>\n')).toBe(true);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  }
});
