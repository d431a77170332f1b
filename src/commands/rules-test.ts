import { isatty } from 'node:tty';
import { byRule, rulesUse } from '../analyze/rule-use.js';
import { EXIT, MemprofError } from '../errors.js';
import { buildProfile } from '../interpret/index.js';
import { writeRulesText } from '../report/rules-text.js';
import { createRecogniser } from '../rules/recogniser.js';
import { parseRulesFlags } from '../schema/flags.js';
import { coloursFor } from '../ui/colour.js';
import { paintFor } from '../ui/paint.js';
import { withProgress } from '../ui/progress.js';
import { openTerminal } from '../ui/terminal.js';
import { isDirectory } from './profile-source.js';
import { writeResult } from './result.js';
import { loadRules } from './rules-source.js';

const MAX_UNKNOWN_STACKS = 10;

/**
 * `memprof rules test`: what each rule matched in a recording, and what no rule knows.
 * @throws MemprofError (exit code 2) for a configuration file or a source that is not usable.
 */
export async function testRules(source: string, raw: Record<string, unknown>): Promise<void> {
  const { moment, config } = parseRulesFlags(raw, EXIT.usage);
  const { rules, configPath, ownCount } = await loadRules(config);
  if (!isDirectory(source)) {
    throw new MemprofError(`${source} is no recording: its arenas have names already`, {
      code: 'NOT_A_RECORDING',
      exitCode: EXIT.usage,
      hint: 'Give a directory that `memprof run` wrote.',
    });
  }
  const recogniser = byRule(createRecogniser(rules));
  const profile = await withProgress(openTerminal(), 'memprof: reading the recording', () =>
    buildProfile(source, { moment, recogniser }),
  );
  const own = rules.slice(0, ownCount).map(({ name }) => name);
  const paint = paintFor(coloursFor(isatty(1)));
  const use = rulesUse(profile, recogniser.found, MAX_UNKNOWN_STACKS);
  await writeResult(writeRulesText(use, { own, configPath, moment, paint }));
}
