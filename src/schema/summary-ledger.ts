import { z } from './zod.js';

const line = {
  name: z.string().describe('docs/reference/ledger.md'),
  bytes: z.number(),
  certainty: z.enum(['measured', 'estimated', 'unknown']),
  errorBytes: z.number().describe('what bytes may be off; 0 where measured'),
};

const LedgerMoment = z
  .object({
    timeNs: z.string().describe('since the Unix epoch, a decimal string'),
    beforeEndNs: z.number().optional().describe('of an end that was not read: how long before it this is'),
    rssBytes: z.number().describe('the sum of the lines'),
    pssBytes: z.number().describe('with each page divided by the number of processes that have it'),
    lines: z.array(
      z.object({
        ...line,
        parts: z.array(z.object(line)).optional().describe('live and retained, used and rest: their sum is bytes'),
      }),
    ),
    residualBytes: z.number().describe('signed; a line as well'),
    splitErrorBytes: z.number().optional().describe('signed: what live and retained may be off'),
    skewBytes: z.number().describe('signed: by which RSS moved while it was read'),
    failedChecks: z.array(z.object({ name: z.string(), message: z.string() })),
    unseen: z.array(z.string()),
  })
  .meta({ id: 'LedgerMoment' });

export const LedgerSummary = z
  .object({
    pid: z.number().int().nonnegative(),
    name: z.string(),
    highWaterBytes: z.number().describe("the kernel's own highest RSS"),
    peak: LedgerMoment.optional().describe('the reading of the highest RSS'),
    end: LedgerMoment.optional().describe('the last reading'),
  })
  .meta({ id: 'LedgerSummary' });

export type LedgerSummary = z.infer<typeof LedgerSummary>;
export type LedgerMomentSummary = z.infer<typeof LedgerMoment>;
