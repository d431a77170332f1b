import { oneOf, parseFlags } from './flags.js';
import { z } from './zod.js';

export interface LedgerFlags {
  readonly format: string;
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
  return parseFlags(z.object({ format: oneOf(formats).default('text') }), raw, exitCode);
}
