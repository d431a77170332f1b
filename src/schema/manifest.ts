import { MANIFEST_FORMAT, type Manifest } from '../recording/manifest.js';
import { z } from './zod.js';

const notice = z.object({
  code: z.string(),
  message: z.string(),
  pid: z.number().int().optional(),
  count: z.number().int().positive().optional(),
});
const decimalNs = z.string().regex(/^\d{1,20}$/);
/** A file name within the recording, never a path that leads out of it. */
const fileName = z.string().regex(/^[^/\0]+\.mpr$/);

/** `recording.json`. Unknown fields are left out, so that a later memprof may add some. */
export const manifestSchema = z.object({
  format: z.literal(MANIFEST_FORMAT),
  version: z.number().int().positive(),
  memprofVersion: z.string(),
  startedAtNs: decimalNs,
  endedAtNs: decimalNs.optional(),
  host: z.object({ platform: z.string(), arch: z.string(), kernel: z.string() }),
  program: z.object({
    name: z.string(),
    pid: z.number().int(),
    exitCode: z.number().int().nullable().optional(),
    signal: z.string().nullable().optional(),
  }),
  settings: z.object({
    native: z.boolean(),
    v8: z.boolean(),
    sampleBytes: z.number().nonnegative(),
    v8IntervalBytes: z.number().nonnegative(),
    maxSamplesPerSecond: z.number().nonnegative(),
  }),
  runDirectory: z.string().optional(),
  files: z.array(fileName),
  emptyProcesses: z.number().int().nonnegative(),
  notices: z.array(notice),
}) satisfies z.ZodType<ManifestShape>;

/** What zod infers: its optional fields may also be present and undefined. */
type ManifestShape = { [Key in keyof Manifest]?: unknown };
