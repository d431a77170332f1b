import { EXIT } from '../errors.js';
import { type Baseline, QUANTITIES } from '../model/gate.js';
import { checkJson } from './checked-json.js';
import { z } from './zod.js';

export const BASELINE_VERSION = 1;
const MAX_TEXT = 4096;

const text = z.string().max(MAX_TEXT);
const figure = z.number().nonnegative('is negative');

/** A baseline file: small, so that a change of it can be reviewed line by line. */
const BaselineFile = z.strictObject({
  version: z.literal(BASELINE_VERSION),
  command: z.array(text).min(1, 'is empty'),
  environment: z.strictObject({
    memprof: text,
    node: text,
    arch: text,
    libc: text,
    cpus: z.int().positive(),
    kernel: text,
    sampleBytes: figure,
    v8IntervalBytes: figure,
  }),
  runs: z.int().positive('is not above 0'),
  measures: z.array(
    z.strictObject({
      scope: z.enum(['total', 'heap', 'pool', 'arena', 'stage']),
      name: text,
      quantity: z.enum(QUANTITIES),
      values: z.array(figure).min(1, 'is empty').describe('one a run'),
      deviation: figure.describe('standard deviation by sampling alone'),
    }),
  ),
  sites: z.array(z.strictObject({ site: text, arena: text, liveBytes: figure, allocatedBytes: figure })),
});

/**
 * Reads a baseline file.
 * @throws MemprofError BAD_BASELINE (exit code 2): path, line, column and what is wrong there.
 */
export function parseBaseline(content: string, path: string): Baseline {
  const { value, positionOf, fail } = checkJson(content, path, BaselineFile, {
    code: 'BAD_BASELINE',
    exitCode: EXIT.usage,
    hint: 'Make it anew: memprof gate --update --baseline FILE -- COMMAND.',
  });
  for (const [index, { values }] of value.measures.entries()) {
    if (values.length === value.runs) continue;
    const place = positionOf(['measures', index, 'values'], true);
    fail(place, `"values" has ${values.length} figures, and there were ${value.runs} runs`);
  }
  return {
    command: value.command,
    environment: value.environment,
    runs: value.runs,
    series: value.measures.map(({ deviation, ...measure }) => ({ ...measure, variance: deviation ** 2 })),
    sites: value.sites,
  };
}

/** A baseline as a file: a line for each measure and each site. */
export function writeBaseline({ command, environment, runs, series, sites }: Baseline): string {
  const lines = (all: readonly object[]): string => all.map((one) => `    ${JSON.stringify(one)}`).join(',\n');
  const measures = series.map(({ scope, name, quantity, values, variance }) => ({
    scope,
    name,
    quantity,
    values: values.map(Math.round),
    deviation: Math.round(Math.sqrt(variance)),
  }));
  const rounded = sites.map(({ site, arena, liveBytes, allocatedBytes }) => ({
    site: site.slice(0, MAX_TEXT),
    arena,
    liveBytes: Math.round(liveBytes),
    allocatedBytes: Math.round(allocatedBytes),
  }));
  return `{
  "version": ${BASELINE_VERSION},
  "command": ${JSON.stringify(command)},
  "environment": ${JSON.stringify(environment)},
  "runs": ${runs},
  "measures": [
${lines(measures)}
  ],
  "sites": [
${lines(rounded)}
  ]
}
`;
}
