import { oneOf, parseFlags } from './flags.js';
import { z } from './zod.js';

export const LEDGER_MOMENTS = ['peak', 'end'] as const;

export interface LedgerFlags {
  readonly format: string;
  readonly at?: (typeof LEDGER_MOMENTS)[number];
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
  const schema = z.object({ format: oneOf(formats).default('text'), at: oneOf(LEDGER_MOMENTS).optional() });
  const { format, at } = parseFlags(schema, raw, exitCode);
  return { format, ...(at !== undefined && { at: at === 'peak' ? 'peak' : 'end' }) };
}
