import { MemprofError } from '../errors.js';
import { RUN_DEFAULTS, type RunFlags } from './defaults.js';
import { parseSize } from './sizes.js';
import { z } from './zod.js';

/** A size as people write it (sizes.ts), within bounds. */
export function sizeBytes(minimum: number, maximum: number): z.ZodType<number, string> {
  return z.string().transform((text, context) => {
    const bytes = parseSize(text);
    if (bytes === undefined) return refuse(context, `is not a size; write 65536, 64k or 1MiB`);
    if (bytes < minimum || bytes > maximum) {
      return refuse(context, `is out of range; ${formatSize(minimum)} to ${formatSize(maximum)} is possible`);
    }
    return bytes;
  });
}

/** A whole number within a range. */
export function wholeNumber(minimum: number, maximum: number): z.ZodType<number, string> {
  return z.string().transform((text, context) => {
    if (!/^\d+$/.test(text.trim())) return refuse(context, 'is not a whole number');
    const value = Number(text);
    if (value < minimum || value > maximum)
      return refuse(context, `is out of range; ${minimum} to ${maximum} is possible`);
    return value;
  });
}

function refuse(context: z.RefinementCtx, message: string): never {
  context.issues.push({ code: 'custom', message, input: context.value });
  return z.NEVER;
}

function formatSize(bytes: number): string {
  if (bytes >= 1 << 30) return `${bytes / (1 << 30)} GiB`;
  if (bytes >= 1 << 20) return `${bytes / (1 << 20)} MiB`;
  return bytes >= 1 << 10 ? `${bytes / (1 << 10)} KiB` : `${bytes} bytes`;
}

const runSchema = z.object({
  output: z.string().min(1, 'is empty').optional(),
  force: z.boolean().default(RUN_DEFAULTS.force),
  native: z.boolean().default(RUN_DEFAULTS.native),
  v8: z.boolean().default(RUN_DEFAULTS.v8),
  // Below 256 bytes every allocation is a sample; above 1 GiB hardly any is.
  sampleBytes: sizeBytes(256, 1 << 30).optional(),
  exact: z.boolean().default(RUN_DEFAULTS.exact),
  asyncLabels: z.boolean().default(RUN_DEFAULTS.asyncLabels),
  v8Interval: sizeBytes(1 << 10, 1 << 30).optional(),
  maxSamplesPerSecond: wholeNumber(1, 1_000_000).optional(),
  snapshotEvery: wholeNumber(0, 86_400).optional(),
  quiet: z.boolean().default(RUN_DEFAULTS.quiet),
  reports: z.boolean().default(RUN_DEFAULTS.reports),
  config: z.string().min(1, 'is empty').optional(),
});

/**
 * Checks the flags of `memprof run` as commander gives them.
 * @throws MemprofError BAD_FLAG with the given exit code, naming the flag and what it takes.
 */
export function parseRunFlags(raw: Record<string, unknown>, exitCode: number): RunFlags {
  const flags = parseFlags(runSchema, raw, exitCode);
  return {
    ...(flags.output !== undefined && { output: flags.output }),
    ...(flags.config !== undefined && { config: flags.config }),
    force: flags.force,
    native: flags.native,
    v8: flags.v8,
    quiet: flags.quiet,
    reports: flags.reports,
    exact: flags.exact,
    asyncLabels: flags.asyncLabels,
    sampleBytes: flags.sampleBytes ?? RUN_DEFAULTS.sampleBytes,
    v8IntervalBytes: flags.v8Interval ?? RUN_DEFAULTS.v8IntervalBytes,
    maxSamplesPerSecond: flags.maxSamplesPerSecond ?? RUN_DEFAULTS.maxSamplesPerSecond,
    snapshotEverySeconds: flags.snapshotEvery ?? RUN_DEFAULTS.snapshotEverySeconds,
  };
}

const MOMENTS = ['end', 'peak'] as const;

export interface ReportFlags {
  readonly format: string;
  readonly by?: string;
  readonly moment: (typeof MOMENTS)[number];
  readonly output?: string;
  readonly force: boolean;
  readonly config?: string;
}

/**
 * Checks the flags of `memprof report`. The names of formats and groupings come from the stages that own them.
 * @throws MemprofError BAD_FLAG.
 */
export function parseReportFlags(
  raw: Record<string, unknown>,
  choices: { readonly formats: readonly string[]; readonly groupings: readonly string[] },
  exitCode: number,
): ReportFlags {
  const schema = z.object({
    format: oneOf(choices.formats).default('text'),
    by: oneOf(choices.groupings).optional(),
    moment: oneOf(MOMENTS).default('end'),
    output: z.string().min(1, 'is empty').optional(),
    force: z.boolean().default(false),
    config: z.string().min(1, 'is empty').optional(),
  });
  const { by, output, moment, config, ...rest } = parseFlags(schema, raw, exitCode);
  return {
    ...rest,
    moment: moment === 'peak' ? 'peak' : 'end',
    ...(by !== undefined && { by }),
    ...(output !== undefined && { output }),
    ...(config !== undefined && { config }),
  };
}

export interface RulesFlags {
  readonly moment: (typeof MOMENTS)[number];
  readonly config?: string;
}

/**
 * Checks the flags of `memprof rules test`.
 * @throws MemprofError BAD_FLAG.
 */
export function parseRulesFlags(raw: Record<string, unknown>, exitCode: number): RulesFlags {
  const schema = z.object({ moment: oneOf(MOMENTS).default('end'), config: z.string().min(1, 'is empty').optional() });
  const { moment, config } = parseFlags(schema, raw, exitCode);
  return { moment: moment === 'peak' ? 'peak' : 'end', ...(config !== undefined && { config }) };
}

export function oneOf(choices: readonly string[]): z.ZodString {
  return z.string().refine((value) => choices.includes(value), `is not one of ${choices.join(', ')}`) as z.ZodString;
}

export function parseFlags<T extends z.ZodType>(
  schema: T,
  raw: Record<string, unknown>,
  exitCode: number,
): z.output<T> {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const name = String(issue?.path[0] ?? 'flag');
  const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replace('v-8', 'v8')}`;
  throw new MemprofError(`${flag} ${JSON.stringify(raw[name] ?? '')}: ${issue?.message ?? 'is not valid'}`, {
    code: 'BAD_FLAG',
    exitCode,
    hint: 'See --help of the command for what it takes.',
    cause: result.error,
  });
}
