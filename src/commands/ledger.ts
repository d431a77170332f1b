import { isatty } from 'node:tty';
import { makeLedger } from '../analyze/ledger.js';
import { EXIT, MemprofError } from '../errors.js';
import { inputsOfReading } from '../interpret/ledger-inputs.js';
import { ledgerInputsOf } from '../interpret/ledger-recording.js';
import type { LedgerInputs } from '../model/ledger.js';
import { LEDGER_FORMATS, type LedgerFormat } from '../report/ledger-formats.js';
import { type LedgerFlags, parseLedgerFlags } from '../schema/ledger-flags.js';
import { coloursFor } from '../ui/colour.js';
import { paintFor } from '../ui/paint.js';
import { readRunningProcess } from './ledger-process.js';
import { isDirectory } from './profile-source.js';
import { writeResult } from './result.js';
import { loadRecogniser } from './rules-source.js';

/**
 * `memprof ledger`: where the resident memory of a process is, or was in a recording.
 * @param source a process id, or the directory of a recording.
 * @throws MemprofError (exit code 2) for flags and sources that are not usable.
 */
export async function ledger(source: string, raw: Record<string, unknown>): Promise<void> {
  const flags = parseLedgerFlags(raw, [...Object.keys(LEDGER_FORMATS), 'html'], EXIT.usage);
  if (flags.format === 'html') return page(source, raw, flags.at);
  const inputs = await inputsOf(source, flags);
  const write = LEDGER_FORMATS[flags.format as LedgerFormat];
  await writeResult(write(inputs.map(makeLedger), paintFor(coloursFor(isatty(1)))));
}

/** The page of `report`, which shows all readings, opened at one of them. */
async function page(source: string, raw: Record<string, unknown>, at: LedgerFlags['at']): Promise<void> {
  if (/^\d+$/.test(source)) {
    throw new MemprofError('a page needs a recording', {
      code: 'NO_RECORDING',
      exitCode: EXIT.usage,
      hint: 'Start the program with `memprof run`, and give the directory that it writes; or ask for text, json or markdown.',
    });
  }
  const { report } = await import('./report.js');
  const { output, force, config } = raw;
  await report(source, { format: 'html', output, force, config }, at);
}

async function inputsOf(source: string, { at, config }: LedgerFlags): Promise<LedgerInputs[]> {
  if (/^\d+$/.test(source)) return [inputsOfReading(readRunningProcess(Number(source), at))];
  if (isDirectory(source)) return ledgerInputsOf(source, at ?? 'end', await loadRecogniser(config));
  throw new MemprofError(`${source} is neither a process id nor a recording`, {
    code: 'NO_READINGS',
    exitCode: EXIT.usage,
    hint: 'Give the id of a running process, or a directory that `memprof run` wrote.',
  });
}
