import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { cleanEnvironment, memprof, scratch } from './run-cli.ts';

const PROGRAM = fileURLToPath(new URL('../../fixtures/api/gated.mjs', import.meta.url));
const command = ['--', process.execPath, PROGRAM];
const folder = temporaryDirectory('gate');
const baseline = join(folder, 'baseline.json');

/** With the environment of the program: blocks of 64 KiB more, an exit status. */
function gate(args: readonly string[], env: NodeJS.ProcessEnv = {}, cwd = folder) {
  return memprof(['gate', ...args, ...command], { cwd, env: { ...cleanEnvironment(), ...env } });
}

function folderWith(gateConfig: object): string {
  const own = scratch();
  writeFileSync(join(own, 'memprof.config.json'), JSON.stringify({ version: 1, gate: gateConfig }));
  return own;
}

describe('against a baseline', () => {
  beforeAll(async () => {
    const { status, stdout, stderr } = await gate(['--update', '--baseline', baseline]);
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/baseline\.json: \d+ measures, 10 runs\n$/);
  }, 180_000);

  it('no change passes', async () => {
    const { status, stdout, stderr } = await gate(['--baseline', baseline]);
    expect(status, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/^memprof gate {2}pass: nothing grew\n/);
  });

  it('an arena that grows fails, with its name, the function, and files for a CI', async () => {
    const output = join(scratch(), 'gate');
    const summary = join(scratch(), 'summary.md');
    const { status, stdout } = await gate(['--baseline', baseline, '-o', output], {
      EXTRA_BLOCKS: '40',
      GITHUB_ACTIONS: 'true',
      GITHUB_STEP_SUMMARY: summary,
    });
    expect(status, stdout).toBe(1);
    expect(stdout).toMatch(/^memprof gate {2}regression: arena kv-cache#1: in use: \+2\.\d MiB/);
    expect(stdout).toMatch(/^ {2}\+2\.\d MiB +fillCache gated\.mjs/m);
    expect(stdout).toMatch(/^::error title=memprof gate::.*kv-cache/m);
    const report = JSON.parse(readFileSync(join(output, 'gate.json'), 'utf8'));
    expect(report).toMatchObject({ version: 1, verdict: 'regression', sites: [{ arena: 'kv-cache#1' }] });
    expect(readFileSync(join(output, 'gate.junit.xml'), 'utf8')).toMatch(/<failure message="grew: \+2\.\d MiB/);
    expect(readFileSync(summary, 'utf8')).toBe(readFileSync(join(output, 'gate.md'), 'utf8'));
  });

  it('made with another Node: nothing is decided, and the report says why', async () => {
    const other = join(scratch(), 'other.json');
    writeFileSync(other, readFileSync(baseline, 'utf8').replace(/"node":"v\d+/, '"node":"v12'));
    const { status, stdout } = await gate(['--baseline', other]);
    expect(status).toBe(3);
    expect(stdout).toMatch(/^memprof gate {2}inconclusive: Node: the base had v12/);
  });
});

it('against a command, in turns', async () => {
  const against = `EXTRA_BLOCKS=0 ${process.execPath} ${PROGRAM}`;
  const output = join(scratch(), 'gate');
  const { status, stdout } = await gate(['--against', against, '--format', 'json', '-o', output], {
    EXTRA_BLOCKS: '40',
  });
  expect(status, stdout).toBe(1);
  const report = JSON.parse(stdout);
  expect(report.base).toMatchObject({ kind: 'command', name: against });
  const grown = report.comparisons.filter(({ verdict }: { verdict: string }) => verdict === 'grown');
  expect(grown.map(({ name }: { name: string }) => name)).toContain('kv-cache#1');
  // What differs, as a flame graph; and both sides, for other tools.
  expect(readFileSync(join(output, 'diff.speedscope.json'), 'utf8')).toContain('fillCache');
  const { stdout: text } = await memprof(['diff', join(output, 'base.pb.gz'), join(output, 'now.pb.gz')]);
  expect(text).toMatch(/\+2\.\d MiB/);
});

describe('budgets', () => {
  it.each([
    ['<= 10MiB', 0, 'kept'],
    ['6MiB', 1, 'exceeded'],
  ])('of the cache: %s', async (liveBytes, exitCode, verdict) => {
    const cwd = folderWith({ budgets: { arenas: { 'kv-cache': { liveBytes } } } });
    const { status, stdout } = await gate([], {}, cwd);
    expect(status, stdout).toBe(exitCode);
    expect(stdout).toMatch(
      new RegExp(`^ {2}${verdict} +arenas\\.kv-cache\\.liveBytes <= \\d+MiB +median 8\\.\\d MiB`, 'm'),
    );
  });

  it('for a pool that no run has: exit code 2, the key, and the name that was meant', async () => {
    const cwd = folderWith({ budgets: { pools: { 'kv-cahce': { liveBytes: '10MiB' } } } });
    const { status, stderr } = await gate([], {}, cwd);
    expect(status).toBe(2);
    expect(stderr).toContain(
      'memprof.config.json: gate.budgets.pools.kv-cahce.liveBytes <= 10MiB: no run had the pool',
    );
    expect(stderr).toContain('Did you mean "kv-cache"?');
  });

  it.each([
    [{ budgets: { total: { liveBytes: '-3MiB' } } }, /"liveBytes" is no limit; write "<= 64MiB"/],
    [{ budgets: { total: { liveBytes: -3 } } }, /"liveBytes" is negative/],
    [{ budgets: { pool: {} } }, /there is no key "pool"; did you mean "pools"\?/],
    [{ runs: 1 }, /"runs" is below 3/],
  ])('that make no sense: %j', async (config, message) => {
    const { status, stderr } = await gate([], {}, folderWith(config));
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/memprof\.config\.json:1:\d+: /);
  });
});

describe('what is never a pass by accident', () => {
  it('a command that fails: its status and its last lines', async () => {
    const { status, stderr } = await gate(
      ['--runs', '3'],
      { FAIL_WITH: '7' },
      folderWith({ budgets: { total: { liveBytes: '1GiB' } } }),
    );
    expect(status).toBe(2);
    expect(stderr).toMatch(/run 1 ended with status 7; its last lines:\n +130 blocks\n/);
  });

  it('a command that does not end', async () => {
    const { status, stderr } = await memprof(
      ['gate', '--timeout', '1', '--against', 'true', '--', process.execPath, '-e', 'setInterval(() => {}, 1000)'],
      { cwd: scratch() },
    );
    expect(status).toBe(2);
    expect(stderr).toMatch(/run 1 was not over after 1 s; it printed nothing/);
  });

  it.each([
    [['--baseline', 'no-such-file.json'], /cannot read the baseline no-such-file\.json: ENOENT/],
    [['--baseline', 'a', '--against', 'b'], /exclude each other/],
    [['--update'], /--update needs --baseline/],
    [['--runs', '2', '--against', 'b'], /--runs "2": is out of range; 3 to 40 is possible/],
    [[], /there is nothing to hold the command to/],
  ])('%j', async (args, message) => {
    const { status, stderr } = await gate(args, {}, scratch());
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
  });
});

it('init writes budgets that the gate keeps, and replaces nothing unasked', async () => {
  const cwd = scratch();
  // At 4 KiB every block is a sample.
  await memprof(
    [
      'run',
      '-q',
      '--no-reports',
      '--sample-bytes',
      '4k',
      '--max-samples-per-second',
      '100000',
      '-o',
      'recording',
      ...command,
    ],
    { cwd },
  );
  const { status, stderr } = await memprof(['init', 'recording'], { cwd });
  expect(status, stderr).toBe(0);
  const { gate: written } = JSON.parse(readFileSync(join(cwd, 'memprof.config.json'), 'utf8'));
  expect(written.budgets.pools['kv-cache'].liveBytes).toBe('<= 11MiB');
  const { status: verdict, stdout } = await gate([], {}, cwd);
  expect(verdict, stdout).toBe(0);
  expect(await memprof(['init', 'recording'], { cwd })).toMatchObject({ status: 2 });
  expect(await memprof(['init', 'memprof.config.json', '-f'], { cwd })).toMatchObject({ status: 2 });
});

it('a limit on growth a request is no pass where nobody counted requests', async () => {
  const cwd = folderWith({ budgets: { pools: { 'kv-cache': { growthPerRequest: '1KiB' } } } });
  const { status, stderr } = await gate(['--runs', '3'], {}, cwd);
  expect(status).toBe(2);
  expect(stderr).toContain('growthPerRequest <= 1KiB: no run answered enough requests to tell');
});
