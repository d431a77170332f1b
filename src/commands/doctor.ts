import { isatty } from 'node:tty';
import { EXIT } from '../errors.js';
import { type Colours, coloursFor } from '../ui/colour.js';
import { CHECKS, type Check, type CheckResult } from './doctor-checks.js';
import { writeResult } from './result.js';

/**
 * `memprof doctor`: what works on this machine and for this Node, and what to do about the rest.
 * @returns the exit code: 1 if something that memprof needs is missing.
 */
export async function doctor(checks: readonly Check[] = CHECKS): Promise<number> {
  const colour = coloursFor(isatty(1));
  const results: CheckResult[] = [];
  for (const check of checks) results.push(await check());
  await writeResult(`${results.map((result) => formatResult(result, colour)).join('\n')}\n`);
  return results.some(({ status }) => status === 'fail') ? 1 : EXIT.ok;
}

function formatResult({ status, what, hint }: CheckResult, colour: Colours): string {
  const mark = { ok: colour.green('ok  '), warn: colour.yellow('warn'), fail: colour.red('FAIL') }[status];
  return hint === undefined ? `${mark}  ${what}` : `${mark}  ${what}\n      ${hint}`;
}
