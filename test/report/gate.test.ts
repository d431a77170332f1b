import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Comparison, GateReport } from '../../src/model/gate.ts';
import { GATE_FORMATS } from '../../src/report/gate-formats.ts';
import { githubAnnotations } from '../../src/report/gate-github.ts';
import { mainGrowth } from '../../src/report/gate-names.ts';
import { PLAIN } from '../../src/report/options.ts';

const golden = (name: string): string => fileURLToPath(new URL(`../../fixtures/golden/${name}`, import.meta.url));
const MIB = 1 << 20;

function comparison(fields: Partial<Comparison>): Comparison {
  const { baseMedian = 40 * MIB, nowMedian = 40 * MIB } = fields;
  const difference = nowMedian - baseMedian;
  return {
    scope: 'pool',
    name: 'kv-cache',
    quantity: 'live',
    base: [baseMedian],
    now: [nowMedian],
    baseMedian,
    nowMedian,
    difference,
    low: difference - 0.2 * MIB,
    high: difference + 0.2 * MIB,
    toleranceBytes: 1.2 * MIB,
    evidence: { p: 1, isSignificant: false, isLarge: false, isBeyondSampling: false },
    isHopeless: false,
    verdict: 'same',
    ...fields,
  };
}

const evidence = { p: 1 / 924, isSignificant: true, isLarge: true, isBeyondSampling: true };
const grown = (fields: Partial<Comparison>): Comparison => comparison({ evidence, verdict: 'grown', ...fields });

/** Names as a program that means harm would choose them. */
const HOSTILE = 'evil|`x`</td><script>alert(1)</script>\r\n::error::fake "&\u001b[31m';

const report: GateReport = {
  verdict: 'regression',
  reasons: [],
  command: ['node', 'serve.mjs', HOSTILE],
  base: { kind: 'baseline', name: 'memprof-baseline.json', runs: 10 },
  runs: 6,
  labels: ['kernel: the base had 6.1.0, this is 6.8.0'],
  comparisons: [
    grown({ scope: 'total', name: '', baseMedian: 90 * MIB, nowMedian: 92 * MIB }),
    grown({ scope: 'pool', nowMedian: 42 * MIB }),
    grown({ scope: 'arena', name: 'kv-cache#1', nowMedian: 42 * MIB }),
    grown({ scope: 'arena', name: HOSTILE, baseMedian: 0, nowMedian: 9 * MIB }),
    comparison({
      scope: 'heap',
      name: 'v8',
      verdict: 'unclear',
      baseMedian: 20 * MIB,
      nowMedian: 20.5 * MIB,
      high: 3 * MIB,
    }),
    comparison({ scope: 'pool', name: 'scratch', verdict: 'shrunk', nowMedian: 30 * MIB }),
    comparison({ name: 'weights' }),
  ],
  budgets: [
    {
      scope: 'pool',
      name: 'kv-cache',
      quantity: 'live',
      limit: 41 * MIB,
      text: 'pools.kv-cache.liveBytes <= 41MiB',
      median: 42 * MIB,
      worst: 42.1 * MIB,
      verdict: 'exceeded',
    },
    {
      scope: 'total',
      name: '',
      quantity: 'rss',
      limit: 200 * MIB,
      text: 'total.rssBytes <= 200MiB',
      median: 120 * MIB,
      worst: 121 * MIB,
      verdict: 'kept',
    },
  ],
  sites: [{ site: `fill cache.mjs < ${HOSTILE}`, arena: 'kv-cache#1', growthBytes: 2 * MIB }],
  durationMs: 8_400,
};
const pass: GateReport = {
  ...report,
  verdict: 'pass',
  comparisons: report.comparisons.slice(4),
  sites: [],
  labels: [],
  budgets: [],
};
const unsure: GateReport = { ...pass, verdict: 'inconclusive', reasons: ['run 2: node: dropped_live 3', HOSTILE] };

it.each([
  ['text', 'txt'],
  ['markdown', 'md'],
  ['junit', 'junit.xml'],
  ['sarif', 'sarif'],
  ['json', 'json'],
] as const)('%s', async (format, extension) => {
  await expect(GATE_FORMATS[format](report, PLAIN)).toMatchFileSnapshot(golden(`gate.${extension}`));
  await expect(GATE_FORMATS[format](unsure, PLAIN)).toMatchFileSnapshot(golden(`gate-inconclusive.${extension}`));
});

it('annotations of GitHub: one a regression, none for a pass', async () => {
  await expect(githubAnnotations(report)).toMatchFileSnapshot(golden('gate.annotations.txt'));
  expect(githubAnnotations(pass)).toBe('');
  expect(githubAnnotations(unsure)).toMatch(/^::warning title=memprof gate::run 2: node: dropped_live 3\n$/);
});

it('hostile names break no line, no cell, no tag and no command', () => {
  for (const format of ['text', 'markdown', 'junit'] as const) {
    const text = GATE_FORMATS[format](report, PLAIN);
    expect(text.replaceAll('\n', ''), format).not.toMatch(/\p{Cc}/u);
    if (format !== 'text') expect(text, format).not.toContain('<script');
  }
  expect(GATE_FORMATS.markdown(report)).not.toMatch(/^::/m);
  expect(
    githubAnnotations(report)
      .split('\n')
      .filter((line) => !line.startsWith('::error title=memprof gate::')),
  ).toEqual(['']);
});

it('text keeps to 80 columns', () => {
  for (const one of [report, pass, unsure]) {
    for (const line of GATE_FORMATS.text(one, PLAIN).split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  }
});

it('of nested measures the innermost is shown; what grew by another amount is shown beside it', () => {
  const { shown, following } = mainGrowth(report.comparisons);
  expect(shown.map(({ scope, difference }) => [scope, difference / MIB])).toEqual([
    ['arena', 9],
    ['arena', 2],
  ]);
  expect(following.map(({ scope }) => scope)).toEqual(['pool', 'total']);
});
