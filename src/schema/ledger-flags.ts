import { oneOf, parseFlags } from './flags.js';
import { z } from './zod.js';

export interface LedgerFlags {
  readonly format: string;
  /** Of a recording; `share` is of the run's time, 0 to 1. */
  readonly at?: 'peak' | 'end' | { readonly afterStartNs: bigint } | { readonly share: number };
  readonly config?: string;
}

/**
 * Checks the flags of `memprof ledger`.
 * @throws MemprofError BAD_FLAG.
 */
export function parseLedgerFlags(
  raw: Record<string, unknown>,
  formats: readonly string[],
  exitCode: number,
): LedgerFlags {
  const at = z.string().refine(isMoment, 'is no moment: write peak, end, 12.5s after the start, or 50% of the run');
  const config = z.string().min(1, 'is empty');
  const schema = z.object({
    format: oneOf(formats).default('text'),
    at: at.optional(),
    config: config.optional(),
  });
  const flags = parseFlags(schema, raw, exitCode);
  return {
    format: flags.format,
    ...(flags.at !== undefined && { at: readMoment(flags.at) }),
    ...(flags.config !== undefined && { config: flags.config }),
  };
}

const SECONDS = /^(\d{1,9}(?:\.\d{1,9})?)s$/;
const PERCENT = /^(\d{1,3}(?:\.\d{1,9})?)%$/;

function isMoment(text: string): boolean {
  return text === 'peak' || text === 'end' || SECONDS.test(text) || Number(PERCENT.exec(text)?.[1]) <= 100;
}

function readMoment(text: string): NonNullable<LedgerFlags['at']> {
  if (text === 'peak' || text === 'end') return text;
  const percent = PERCENT.exec(text)?.[1];
  if (percent !== undefined) return { share: Number(percent) / 100 };
  return { afterStartNs: BigInt(Math.round(1e9 * Number(SECONDS.exec(text)?.[1]))) };
}
