import type { Ledger } from '../model/ledger.js';

export const LEDGER_VERSION = 1;

/** `ledger.json`: docs/reference/ledger.md. */
export function writeLedgerJson(ledgers: readonly Ledger[]): string {
  return `${JSON.stringify({ version: LEDGER_VERSION, ledgers }, null, 2)}\n`;
}
