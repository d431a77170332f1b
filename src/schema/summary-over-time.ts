import { GC_KINDS } from '../model/moments.js';
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

export const GcSummary = z.object({
  pid: count,
  threadId: count.describe("Node's number of the thread whose isolate it is: 0 the main one"),
  kind: z.enum(GC_KINDS),
  pauses: count,
  totalNs: z.number(),
  p50Ns: z.number(),
  p99Ns: z.number(),
  maxNs: z.number(),
  causes: z.record(z.string(), count).describe('how many pauses had which cause, as far as V8 says it'),
});

const nanoseconds = z.number().nullable().describe('null: not counted here');

/** Since the recording began. */
const waits = {
  someNs: nanoseconds.describe('while at least one task waited for memory; null: not counted here'),
  fullNs: nanoseconds.describe('while all did'),
};

export const PressureSummary = z.object(waits);

export const CgroupSummary = z.object({
  pid: count.describe('a process that is in it'),
  usage: z.object({ start: z.number(), peak: z.number(), end: z.number() }).describe('bytes, page cache included'),
  limitBytes: z.number().nullable().describe('the tightest at the end, of the group and those around it; null: none'),
  events: z
    .object({ oom: count, oomKill: count, high: count, max: count })
    .describe('during the recording: out of memory, killed for it, slowed down above memory.high, ran into the limit'),
  ...waits,
});

export const RequestsSummary = z
  .object({
    pid: count,
    requests: count.describe("answered by Node's http server, and told by iteration()"),
    growth: z
      .array(
        z.object({
          of: z.enum(['rss', 'malloc', 'pool']),
          pool: z.string().optional(),
          bytesPerRequest: z
            .number()
            .describe('slope of a straight line through the last three quarters of the requests'),
          r2: z.number().describe('part of the variation that the line explains, 0 to 1'),
        }),
      )
      .describe('empty where there were too few requests to tell'),
  })
  .meta({ id: 'Requests' });
