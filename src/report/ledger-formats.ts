import type { Ledger } from '../model/ledger.js';
import { writeLedgerJson } from './ledger-json.js';
import { writeLedgerMarkdown } from './ledger-markdown.js';
import { writeLedgerText } from './ledger-text.js';
import type { Paint } from './options.js';

/** A new format is one line here. */
export const LEDGER_FORMATS = {
  text: writeLedgerText,
  json: writeLedgerJson,
  markdown: writeLedgerMarkdown,
} as const satisfies Record<string, (ledgers: readonly Ledger[], paint?: Paint) => string>;
export type LedgerFormat = keyof typeof LEDGER_FORMATS;
