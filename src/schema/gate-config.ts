import type { Budget, MeasureScope, Quantity, Tolerance } from '../model/gate.js';
import { parseSize } from './sizes.js';
import { z } from './zod.js';

/** Runs of one side at most: more would take longer than anybody waits. */
export const MAX_RUNS = 40;

/** What is held to a limit, and under which key. */
const LIMIT_KEYS = {
  liveBytes: 'live',
  peakBytes: 'peak',
  allocatedBytes: 'allocated',
  lateBytes: 'late',
  allocations: 'allocations',
  growthPerRequest: 'growth',
} as const satisfies Record<string, Quantity>;

const SCOPES = { heaps: 'heap', pools: 'pool', arenas: 'arena', stages: 'stage' } as const satisfies Record<
  string,
  MeasureScope
>;

/** `64MiB`, `<= 64MiB`, or a number. */
const limit = z
  .union([z.number().nonnegative('is negative').max(Number.MAX_SAFE_INTEGER), z.string().regex(/\S/, 'is empty')])
  .transform((written, context) => {
    const value = typeof written === 'number' ? written : parseSize(written.replace(/^\s*<=\s*/, ''));
    if (value !== undefined) return { value, text: String(written) };
    context.issues.push({
      code: 'custom',
      message: 'is no limit; write "<= 64MiB", "64MiB" or a number',
      input: written,
    });
    return z.NEVER;
  });

const bytes = limit.optional();
const limits = {
  liveBytes: bytes.describe('in use at the end'),
  peakBytes: bytes.describe('most in use at once'),
  allocatedBytes: bytes.describe('ever allocated'),
  lateBytes: bytes.describe('live after its arena was released'),
  allocations: limit.optional().describe('objects ever allocated'),
  growthPerRequest: bytes.describe('growth of memory in use with each request: the total and pools'),
};
const Limits = z.strictObject(limits);
const NamedLimits = z.record(z.string().min(1, 'is empty'), Limits);

export const GateSchema = z.strictObject({
  runs: z
    .int()
    .min(3, 'is below 3')
    .max(MAX_RUNS, `is above ${MAX_RUNS}`)
    .optional()
    .describe('first look after so many'),
  maxRuns: z.int().min(3, 'is below 3').max(MAX_RUNS, `is above ${MAX_RUNS}`).optional().describe('so many at most'),
  tolerance: z
    .strictObject({
      bytes: limit.optional().describe('default: 256KiB'),
      percent: z.number().min(0, 'is negative').max(1000, 'is above 1000').optional().describe('default: 3'),
    })
    .optional()
    .describe('what is no growth yet: the larger of the two'),
  budgets: z
    .strictObject({
      total: z.strictObject({ ...limits, rssBytes: bytes.describe('highest resident memory') }).optional(),
      heaps: NamedLimits.optional(),
      pools: NamedLimits.optional(),
      arenas: NamedLimits.optional(),
      stages: NamedLimits.optional(),
    })
    .optional()
    .describe('limits that hold whatever the baseline says'),
});

/** What the file says, in the words of the model; what it does not say is absent. */
export interface GateSettings {
  readonly runs?: number;
  readonly maxRuns?: number;
  readonly tolerance: Partial<Tolerance>;
  readonly budgets: readonly Budget[];
}

type ParsedLimits = Readonly<Record<string, { value: number; text: string } | undefined>>;

export function gateSettings(parsed: z.output<typeof GateSchema> = {}): GateSettings {
  const { runs, maxRuns, tolerance, budgets = {} } = parsed;
  const { total, ...named } = budgets;
  return {
    ...(runs !== undefined && { runs }),
    ...(maxRuns !== undefined && { maxRuns }),
    tolerance: {
      ...(tolerance?.bytes && { bytes: tolerance.bytes.value }),
      ...(tolerance?.percent !== undefined && { share: tolerance.percent / 100 }),
    },
    budgets: [
      ...budgetsOf('total', '', total, 'total'),
      ...Object.entries(SCOPES).flatMap(([key, scope]) =>
        Object.entries(named[key as keyof typeof SCOPES] ?? {}).flatMap(([name, own]) =>
          budgetsOf(scope, name, own, `${key}.${name}`),
        ),
      ),
    ],
  };
}

function budgetsOf(scope: MeasureScope, name: string, limits: ParsedLimits = {}, path = ''): Budget[] {
  return Object.entries({ ...LIMIT_KEYS, rssBytes: 'rss' as const }).flatMap(([key, quantity]) => {
    const own = limits[key];
    if (own === undefined) return [];
    const text = `${path}.${key} <= ${own.text.replace(/^\s*<=\s*/, '')}`;
    return [{ scope, name, quantity, limit: own.value, text }];
  });
}
