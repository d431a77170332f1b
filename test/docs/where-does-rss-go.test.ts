/** The examples of docs/explanation/where-does-rss-go.md, run: each line that the page shows is there, and about as large. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeLedger } from '../../src/analyze/ledger.ts';
import { readRunningProcess } from '../../src/commands/ledger-process.ts';
import { inputsOfReading } from '../../src/interpret/ledger-inputs.ts';
import { LEDGER_LINES, type Ledger } from '../../src/model/ledger.ts';
import { writeLedgerText } from '../../src/report/ledger-text.ts';
import { cleanEnvironment, MEMPROF, memprof, runToEnd, scratch } from '../cli/run-cli.ts';
import { nodeBinary } from '../native/helpers/js-probe.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/explanation/where-does-rss-go.md'), 'utf8');
const UNITS: Record<string, number> = { B: 1, KiB: 1 << 10, MiB: 1 << 20, GiB: 1 << 30 };
const AMOUNT = /^ {0,2}(\S.*?) +(?:[=~?] |\+)([\d.]+) (B|KiB|MiB|GiB)/;
/** What other machines, and other moments, may differ by. */
const TOLERANCE = 0.25;
const TOLERANCE_BYTES = 4 << 20;

interface Example {
  readonly command: string;
  /** Bytes by the line's name. */
  readonly amounts: ReadonlyMap<string, number>;
}

function amountsIn(lines: readonly string[]): Map<string, number> {
  const found = lines.map((line) => AMOUNT.exec(line)).filter((match) => match !== null);
  return new Map(found.map(([, name = '', value, unit = '']) => [name, Number(value) * (UNITS[unit] ?? Number.NaN)]));
}

/** Indented blocks that begin with a command to be put into the background. */
function examplesOf(page: string): Example[] {
  const code = page
    .split('\n')
    .map((line) => (line.startsWith('    ') ? line.slice(4) : line === '' ? '' : undefined))
    .map((line) => line ?? '\0')
    .join('\n');
  return code
    .split('\0')
    .flatMap((block) => block.split(/^\$ (?!memprof)/m).slice(1))
    .map((block) => {
      const [command = '', output = ''] = block.split(/ &\n\$ memprof ledger \$!\n/);
      return { command, amounts: amountsIn(output.split('\n')) };
    });
}

function why(command: string): string | undefined {
  const library = /^LD_PRELOAD=(\S+)/.exec(command)?.[1];
  if (library !== undefined && !isLoadable(library)) return `no ${library}`;
  if (command.startsWith('python3') && spawnSync('python3', ['-c', '0']).status !== 0) return 'no python3';
  if (command.includes('llama') && !existsSync(join(ROOT, 'fixtures/workloads/node_modules/node-llama-cpp'))) {
    return 'no node-llama-cpp: node fixtures/install.mjs workloads';
  }
  return undefined;
}

function isLoadable(library: string): boolean {
  const { stderr } = spawnSync('true', { env: { LD_PRELOAD: library }, encoding: 'utf8' });
  return stderr === '';
}

function read(pid: number): Ledger {
  return makeLedger(inputsOfReading(readRunningProcess(pid, undefined)));
}

/** Lines of a ledger that differ from what the page says. */
function differences(shown: Example['amounts'], text: string): string[] {
  const actual = amountsIn(text.split('\n'));
  return [...shown].flatMap(([name, bytes]) => {
    const there = actual.get(name) ?? Number.NaN;
    const limit = Math.max(TOLERANCE_BYTES, TOLERANCE * bytes);
    return Math.abs(there - bytes) <= limit ? [] : [`${name}: ${there} and not ${bytes}`];
  });
}

const examples = examplesOf(PAGE);

test('the page has an example, or a word, for each line', () => {
  expect(examples.length).toBeGreaterThan(12);
  const own = /own$/;
  for (const title of Object.values(LEDGER_LINES)) {
    const word = title.replace(/ \(.*\)$/, '').replace(/[:,].*$/, '');
    if (!own.test(title)) expect(PAGE.toLowerCase(), title).toContain(word.toLowerCase());
  }
});

test.for(examples)('$command', async ({ command, amounts }, { skip }) => {
  const missing = why(command);
  skip(missing !== undefined, missing);
  expect(amounts.size).toBeGreaterThan(0);
  const [, settings = '', rest = ''] = /^((?:[A-Z_]+=\S+ )*)(.*)$/s.exec(command) ?? [];
  const script = `${settings}exec ${rest.replace(/^node /, `'${nodeBinary(24)}' `)}`;
  const child = spawn('bash', ['-c', script], { cwd: ROOT, env: cleanEnvironment(), stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const deadline = Date.now() + 120_000;
  let left = ['it was never read'];
  while (left.length > 0 && Date.now() < deadline) {
    await new Promise((done) => setTimeout(done, 200));
    left = differences(amounts, writeLedgerText([read(child.pid ?? 0)]));
  }
  expect(left).toEqual([]);
});

test('the one under memprof run', async () => {
  const block = /^ {4}\$ memprof run -q -o rec -- node (-e '.*?')\n {4}\$ memprof ledger rec\n\n((?: {4}.*\n)+)/ms;
  const [, code = '', output = ''] = block.exec(PAGE) ?? [];
  const recording = join(scratch(), 'rec');
  const shown = amountsIn(output.split('\n').map((line) => line.slice(4)));
  // When V8 last collected is a matter of chance.
  shown.delete('free, or not told by V8');
  expect(shown.size).toBe(4);
  const run = `'${process.execPath}' '${MEMPROF}' run -q -f -o '${recording}' -- '${nodeBinary(24)}' ${code}`;
  // On a busy machine the last reading may come too late to tell malloc's blocks: the page shows one that did not.
  const deadline = Date.now() + 120_000;
  let left = ['it was never read'];
  while (left.length > 0 && Date.now() < deadline) {
    expect(await runToEnd('bash', ['-c', run])).toMatchObject({ status: 0, stderr: '' });
    const { stdout } = await memprof(['ledger', recording]);
    left = differences(shown, stdout);
  }
  expect(left).toEqual([]);
});
