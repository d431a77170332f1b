import { DIFF_VERSION } from './diff-version.js';
import { Estimate, SiteFrame } from './summary.js';
import { z } from './zod.js';

const name = z.string();
const count = z.number().int().nonnegative();

const Change = z
  .object({
    base: Estimate,
    now: Estimate,
    difference: Estimate.describe('now less base, with the 95 % interval of the difference'),
    verdict: z
      .enum(['grown', 'shrunk', 'unclear', 'same', 'unknown'])
      .describe('unclear: the interval of the difference holds 0; same: both were measured, and are equal'),
  })
  .meta({ id: 'Change', description: 'a value on both sides; of several runs the mean of one' });

const change = Change.shape;
const Figure = z.object({ name, unit: z.enum(['bytes', 'count', 'nanoseconds']), ...change });

const Ledger = z.object({
  moment: z.enum(['end', 'peak']),
  baseRuns: count.describe('runs of which there is a reading'),
  nowRuns: count,
  rows: z.array(z.object({ name: name.describe('RSS, a line, or `line: part`: docs/reference/ledger.md'), ...change })),
});

const columns = {
  alloc_objects: Change.describe('objects ever allocated'),
  alloc_space: Change.describe('bytes ever allocated'),
  inuse_objects: Change.describe('objects in use at the moment of the profiles'),
  inuse_space: Change.describe('bytes in use at the moment of the profiles'),
};

const Row = z.object({
  name,
  heap: name.optional().describe('where all of it is in one'),
  ...columns,
  user: SiteFrame.optional().describe("the program's own line, where js belongs to a package"),
  js: SiteFrame.optional().describe('the leaf-most JavaScript frame that is not part of Node; its line is that of now'),
  callee: SiteFrame.optional().describe('what that line called'),
});

const Table = z.object({
  rows: z.array(Row).describe('what is sure first, then by size of the difference'),
  folded: z.object({ rows: count, difference: z.number().describe('bytes in use, their sum') }).optional(),
});

const Side = z.object({
  name: name.describe('as it was given'),
  runs: count,
  programs: z.array(name),
  nodeVersions: z.array(name),
  observations: count.describe('samples that its figures rest on'),
});

export const Diff = z.object({
  version: z.literal(DIFF_VERSION),
  memprofVersion: name,
  moment: z.enum(['end', 'peak', 'timer', 'demand']),
  base: Side,
  now: Side,
  labels: z
    .array(z.object({ code: name, message: name }))
    .describe('in what the two sides were made differently, other than by the program'),
  total: Row,
  figures: z.array(Figure).describe('of which a run has one number: of single runs no difference is sure'),
  ledger: Ledger.optional().describe('where resident memory was, bytes; absent where a side has no reading'),
  heaps: Table,
  pools: Table.describe('empty where no memory has a pool'),
  arenas: Table.describe('empty where no memory has an arena of its own'),
  sites: Table,
  groups: z
    .object({ by: name, ...Table.shape })
    .optional()
    .describe('what --by asked for'),
});

export type Diff = z.infer<typeof Diff>;
export type DiffRow = z.infer<typeof Row>;
export type DiffTable = z.infer<typeof Table>;
export type DiffSide = z.infer<typeof Side>;
export type Change = z.infer<typeof Change>;

/** The JSON schema in docs/reference/diff.schema.json. */
export function diffJsonSchema(): object {
  return {
    // As input: a later version may add fields.
    ...z.toJSONSchema(Diff, { io: 'input' }),
    $id: 'diff.schema.json',
    title: 'memprof diff --format json',
  };
}
