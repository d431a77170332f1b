import { EXIT, MemprofError } from '../errors.js';
import { RUN_DEFAULTS } from './defaults.js';
import { oneOf, parseFlags, sizeBytes, wholeNumber } from './flags.js';
import { MAX_RUNS } from './gate-config.js';
import { z } from './zod.js';

export interface GateFlags {
  /** Absent where the runs are compared with a command, or with budgets only. */
  readonly baseline?: string;
  /** A command, as a shell would take it. */
  readonly against?: string;
  readonly update: boolean;
  readonly runs?: number;
  readonly maxRuns?: number;
  readonly budget?: string;
  readonly format: string;
  /** Folder for all that a CI keeps. */
  readonly output?: string;
  readonly force: boolean;
  readonly sampleBytes?: number;
  readonly timeoutSeconds: number;
}

export const GATE_DEFAULTS = {
  /** Before the first look at growth: six runs against the ten of a baseline can be no chance, 1 in 8,008. */
  runs: 6,
  /** The same where the base has as many runs as the other side: 1 in 3,432 with seven; with six it is 1 in 924, too often for ten measures. */
  runsInTurns: 7,
  maxRuns: 12,
  /** Runs that a baseline keeps: more than a gate makes, since they are made once. */
  baselineRuns: 10,
  tolerance: { bytes: 256 << 10, share: 0.03 },
  /** An eighth of the usual: what it costs the program does not matter here, and errors are a third. */
  sampleBytes: 8 << 10,
  v8IntervalBytes: 64 << 10,
  maxSamplesPerSecond: 20_000,
  timeoutSeconds: 600,
} as const;

/**
 * Checks the flags of `memprof gate`.
 * @throws MemprofError BAD_FLAG (exit code 2).
 */
export function parseGateFlags(raw: Record<string, unknown>, formats: readonly string[]): GateFlags {
  const path = z.string().min(1, 'is empty').optional();
  const runs = wholeNumber(3, MAX_RUNS).optional();
  const schema = z.object({
    baseline: path,
    against: path,
    update: z.boolean().default(false),
    runs,
    maxRuns: runs,
    budget: path,
    format: oneOf(formats).default('text'),
    output: path,
    force: z.boolean().default(RUN_DEFAULTS.force),
    sampleBytes: sizeBytes(256, 1 << 30).optional(),
    timeout: wholeNumber(1, 86_400).optional(),
  });
  const { timeout, ...flags } = parseFlags(schema, raw, EXIT.usage);
  if (flags.baseline !== undefined && flags.against !== undefined) {
    throw conflict('--baseline and --against exclude each other', 'Compare with a file or with a command.');
  }
  if (flags.update && flags.baseline === undefined) {
    throw conflict(
      '--update needs --baseline',
      'Say which file to write: memprof gate --update --baseline FILE -- COMMAND.',
    );
  }
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  return { ...(given as typeof flags & object), timeoutSeconds: timeout ?? GATE_DEFAULTS.timeoutSeconds } as GateFlags;
}

function conflict(message: string, hint: string): MemprofError {
  return new MemprofError(message, { code: 'BAD_FLAG', exitCode: EXIT.usage, hint });
}
