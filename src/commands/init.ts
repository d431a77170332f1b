import { gateRunOf } from '../analyze/gate-measures.js';
import { proposeBudgets } from '../analyze/gate-proposal.js';
import { EXIT, MemprofError } from '../errors.js';
import { CONFIG_FILE, CONFIG_VERSION } from '../schema/config-file.js';
import { openTerminal } from '../ui/terminal.js';
import { isDirectory, loadProfile } from './profile-source.js';
import { mustNotExist, writeResultFile } from './result.js';

/**
 * `memprof init`: writes a first memprof.config.json, with budgets from a recording.
 * @throws MemprofError (exit code 2) if there is such a file, or no such recording.
 */
export async function init(source: string, { force = false }: { readonly force?: boolean }): Promise<void> {
  mustNotExist(CONFIG_FILE, force);
  if (!isDirectory(source)) {
    throw new MemprofError(`${source} is no recording: peaks and resident memory are in no pprof file`, {
      code: 'NOT_A_RECORDING',
      exitCode: EXIT.usage,
      hint: 'Give a directory that `memprof run` wrote.',
    });
  }
  const profile = await loadProfile(source, 'end');
  const budgets = proposeBudgets(gateRunOf(profile), profile.durationNs);
  const config = { version: CONFIG_VERSION, rules: [], gate: { budgets } };
  writeResultFile(CONFIG_FILE, `${JSON.stringify(config, undefined, 2)}\n`);
  openTerminal().line(`memprof: wrote ${CONFIG_FILE}: budgets a quarter above this run. Try: memprof gate -- COMMAND`);
}
