import { isatty } from 'node:tty';
import { makeLedger } from '../analyze/ledger.js';
import { EXIT, MemprofError } from '../errors.js';
import { inputsOfReading } from '../interpret/ledger-inputs.js';
import { LEDGER_FORMATS, type LedgerFormat } from '../report/ledger-formats.js';
import { parseLedgerFlags } from '../schema/ledger-flags.js';
import { coloursFor } from '../ui/colour.js';
import { paintFor } from '../ui/paint.js';
import { readRunningProcess } from './ledger-process.js';
import { writeResult } from './result.js';

/**
 * `memprof ledger`: where the resident memory of a running process is.
 * @param source a process id.
 * @throws MemprofError (exit code 2) for flags and processes that are not usable.
 */
export async function ledger(source: string, raw: Record<string, unknown>): Promise<void> {
  const flags = parseLedgerFlags(raw, Object.keys(LEDGER_FORMATS), EXIT.usage);
  const inputs = inputsOfReading(readRunningProcess(processId(source)));
  const write = LEDGER_FORMATS[flags.format as LedgerFormat];
  await writeResult(write([makeLedger(inputs)], paintFor(coloursFor(isatty(1)))));
}

function processId(source: string): number {
  if (/^\d+$/.test(source)) return Number(source);
  throw new MemprofError(`${source} is no process id`, {
    code: 'NO_PROCESS_ID',
    exitCode: EXIT.usage,
    hint: 'Give the id of a running process.',
  });
}
