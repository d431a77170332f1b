import { LedgerSummary } from './summary-ledger.js';
import {
  CgroupSummary,
  FaultsSummary,
  GaugeSummary,
  GcSummary,
  PressureSummary,
  RequestsSummary,
} from './summary-over-time.js';
import { SUMMARY_VERSION } from './summary-version.js';
import { z } from './zod.js';

const name = z.string();
const count = z.number().int().nonnegative();
/** Nanoseconds do not fit into a JSON number. */
const nanoseconds = z
  .string()
  .regex(/^-?\d+$/)
  .describe('nanoseconds, a decimal string');
const columnName = z.enum(['alloc_objects', 'alloc_space', 'inuse_objects', 'inuse_space']);

export const Estimate = z
  .object({
    kind: z.enum(['measured', 'estimated', 'unknown']),
    value: z.number().nullable().describe('null where it is unknown'),
    low: z.number().nullable().describe('of an unknown value: what the heaps that know it add up to at least'),
    high: z.number().nullable(),
  })
  .meta({ id: 'Estimate', description: 'a value with its 95 % interval; low = high = value where it was measured' });

const columns = {
  alloc_objects: Estimate.describe('objects ever allocated'),
  alloc_space: Estimate.describe('bytes ever allocated'),
  inuse_objects: Estimate.describe('objects in use at the moment of the profile'),
  inuse_space: Estimate.describe('bytes in use at the moment of the profile'),
  observations: count.describe('samples that the estimates rest on'),
  share: z.number().describe('part of all bytes in use, 0 to 1'),
};

export const SiteFrame = z
  .object({
    name,
    file: name,
    line: count.describe('1-based, 0 where unknown'),
    approximate: z.literal(true).optional().describe('the call is near this line, at least for some of the bytes'),
    module: name,
  })
  .meta({ id: 'Frame' });

const row = { name, heap: name.optional().describe('where all of it is in one'), ...columns };

const Row = z.object(row).meta({ id: 'Row' });
const SiteRow = z
  .object({
    ...row,
    user: SiteFrame.optional().describe("the program's own line, where js belongs to a package"),
    js: SiteFrame.optional().describe('the leaf-most JavaScript frame that is not part of Node'),
    callee: SiteFrame.optional().describe(
      'what that line called, without wrappers of malloc and frames of V8 and Node',
    ),
  })
  .meta({ id: 'SiteRow' });

const use = {
  peakBytes: Estimate,
  liveBytes: Estimate.describe('at the end of the recording'),
  allocatedBytes: Estimate,
  churnBytes: Estimate.describe('lived for less than a second'),
  liveAfterReleaseBytes: Estimate.describe('of liveBytes, what is left of released arenas'),
  freedElsewhereBytes: Estimate.describe('freed while another arena was current'),
  hits: count,
  misses: count,
  doubleReleases: count,
  usesAfterRelease: count,
};
const moment = nanoseconds.nullable().describe('since the Unix epoch; null: not, or not known');

/** Of an arena or a pool. */
const bytes = {
  inuse_space: Estimate.describe("at the moment of the profile, V8's objects included"),
  alloc_space: Estimate,
  share: z.number().describe('part of all bytes in use, 0 to 1'),
};

const ArenaRow = z
  .object({
    pool: name.describe('empty for none'),
    arena: name.describe("empty for a pool's bytes outside its arenas"),
    pid: count,
    ...bytes,
    life: z
      .object({
        source: name.optional().describe('how it was found out; absent if none of its bytes was sampled'),
        createdNs: moment,
        releasedNs: moment,
        lastAllocationNs: moment,
        lastFreedNs: moment.describe('when its live bytes last came to 0'),
        ...use,
      })
      .optional()
      .describe('native memory and mappings only; absent where nobody followed the arena'),
  })
  .meta({ id: 'ArenaRow' });

const PoolRow = z
  .object({
    pool: name,
    pid: count,
    ...bytes,
    life: z
      .object({
        made: z.boolean().describe('the program made it; else a rule names it'),
        budgetBytes: z.number().describe('0: none'),
        arenas: count.describe('ever made, or named by rules'),
        holdingArenas: count.describe('that hold memory at the end'),
        peakArenas: count.describe('most that held memory at once'),
        releasedArenas: count,
        lateArenas: count.describe('released ones that held memory for more than a second after'),
        longestHeldNs: nanoseconds.describe('the longest that an arena held memory after its release, up to the end'),
        folded: count.describe('arenas too many to be told apart'),
        sizes: count.describe('different sizes of its blocks'),
        ...use,
      })
      .optional(),
  })
  .meta({ id: 'PoolRow' });

const FoldedArenas = z.object({
  pool: name.optional().describe('absent: of several pools'),
  pid: count.optional(),
  pools: count.optional().describe('where there are several'),
  arenas: count,
  inuseBytes: z.number().describe('their sum'),
  allocatedBytes: z.number().describe('their sum'),
  largestPeakBytes: z.number(),
});

const Process = z.object({
  pid: count,
  parentPid: count,
  name: name.describe('short name of the program, never its arguments'),
  nodeVersion: name.optional(),
  v8Version: name.optional(),
  allocator: name,
  libc: name,
  forked: z.boolean(),
  sampling: z.object({
    nativeMeanBytes: z.number().describe('mean gap between native samples at the start; 0 without native samples'),
    nativeMeanAtEndBytes: z.number().describe('larger than at the start if the process took too many samples'),
    v8IntervalBytes: z.number(),
  }),
  samplerBytes: z
    .number()
    .optional()
    .describe(
      "memory in the process that is memprof's own, at most: tables, store, caches; not the agent's on V8's heap",
    ),
  peak: z.object({ bytes: z.number(), timeNs: nanoseconds }).describe('estimated live bytes plus committed mappings'),
  counters: z.record(z.string(), z.number()).describe('what was dropped, cut or not recognised'),
});

export const Summary = z.object({
  version: z.literal(SUMMARY_VERSION),
  memprofVersion: name,
  moment: z.enum(['end', 'peak', 'timer', 'demand']).describe('the moment that the in-use columns show'),
  startedAtNs: nanoseconds.describe('since the Unix epoch'),
  durationNs: nanoseconds,
  periodBytes: z.number().describe('mean gap between samples'),
  total: Row,
  heaps: z.array(Row),
  sites: z.array(SiteRow).describe('the biggest sites by bytes in use'),
  arenas: z
    .object({
      rows: z.array(ArenaRow).describe('the biggest of each pool'),
      folded: z.array(FoldedArenas).describe('the others'),
    })
    .describe('whose bytes these are'),
  pools: z
    .object({ rows: z.array(PoolRow), folded: count.describe('pools that are not in rows') })
    .describe('named groups of arenas'),
  unnamed: z
    .object({ inuse_space: Estimate, share: z.number() })
    .describe("bytes whose arena nobody named: only the allocator's region is known, or nothing"),
  groups: z
    .object({
      by: z.enum(['site', 'module', 'heap', 'pool', 'arena', 'stage', 'label', 'thread', 'process']),
      rows: z.array(SiteRow),
      folded: z
        .object({ rows: count, inuseBytes: z.number(), allocatedBytes: z.number() })
        .optional()
        .describe('what a program names without bound: the rows that are not listed, and their sums'),
    })
    .optional()
    .describe('what --by asked for'),
  processes: z.array(Process),
  gauges: z.array(GaugeSummary),
  ledger: z.array(LedgerSummary).describe('where resident memory was, of each process that was read'),
  requests: z.array(RequestsSummary).describe('of each process that answered some, or told of some'),
  faults: z.array(FaultsSummary).describe('of each process of which they are known'),
  gc: z
    .array(GcSummary)
    .describe("pauses of V8's collector, by isolate and kind; those that memprof asked for are left out"),
  cgroup: z.array(CgroupSummary).describe('control groups that count memory'),
  pressure: PressureSummary.describe('of the whole system'),
  unknown: z.array(z.object({ heap: name, types: z.array(columnName) })).describe('columns that could not be known'),
  notices: z.array(
    z.object({
      code: name,
      message: name,
      pid: count.optional(),
      count: count.optional().describe('how often it came; absent for once'),
    }),
  ),
  recorded: z.object({
    kept: z.array(z.string()).describe('what was stored about the program'),
    never: z.array(z.string()).describe('what was not'),
  }),
});

export type Summary = z.infer<typeof Summary>;
export type Estimate = z.infer<typeof Estimate>;
export type SummaryRow = z.infer<typeof SiteRow>;
export type SummarySiteFrame = z.infer<typeof SiteFrame>;
export type SummaryArena = z.infer<typeof ArenaRow>;
export type SummaryPool = z.infer<typeof PoolRow>;
export type SummaryFoldedArenas = z.infer<typeof FoldedArenas>;
export type ColumnName = z.infer<typeof columnName>;

/** The JSON schema in docs/reference/summary.schema.json. */
export function summaryJsonSchema(): object {
  return {
    // As input: a later version may add fields.
    ...z.toJSONSchema(Summary, { io: 'input' }),
    $id: 'summary.schema.json',
    title: 'summary.json of memprof',
  };
}
