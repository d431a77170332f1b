import { z } from './zod.js';

const name = z.string();
const count = z.number().int().nonnegative();

/** What summary.json says of a time series; the points are in the recording. */
export const GaugeSummary = z.object({
  name,
  unit: z.enum(['bytes', 'count', 'nanoseconds']),
  pid: count,
  thread: name.optional().describe('whose isolate it is'),
  pool: name.optional(),
  arena: name.optional(),
  points: count,
  start: z.number().nullable(),
  peak: z.number().nullable(),
  peakTimeNs: z
    .string()
    .regex(/^-?\d+$/)
    .nullable()
    .describe('nanoseconds, a decimal string'),
  end: z.number().nullable(),
});

export const FaultsSummary = z.object({
  pid: count,
  minor: count.describe('page faults without a disk since the process started, its threads included'),
  major: count.describe('page faults that had to wait for a disk'),
});
