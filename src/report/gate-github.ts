import type { GateReport } from '../model/gate.js';
import { amountText, changeText, headline, mainGrowth, measureText } from './gate-names.js';

/** GitHub shows ten annotations of a step. */
const MAX_ANNOTATIONS = 10;

/** Lines that GitHub's runner turns into annotations: an error for each regression, a warning for what was not decided. */
export function githubAnnotations(report: GateReport): string {
  if (report.verdict === 'pass') return '';
  if (report.verdict === 'inconclusive') return annotation('warning', headline(report));
  const messages = [
    ...mainGrowth(report.comparisons).shown.map((one) => `${measureText(one)}: ${changeText(one)}`),
    ...report.budgets
      .filter(({ verdict }) => verdict === 'exceeded')
      .map((one) => `${one.text}: ${amountText(one, one.median)}`),
  ];
  return messages
    .slice(0, MAX_ANNOTATIONS)
    .map((message) => annotation('error', message))
    .join('');
}

/** Percent-encoded as the runner expects it: a name with a line break must not begin a command of its own. */
function annotation(level: 'error' | 'warning', message: string): string {
  const text = message.replace(
    /[%\r\n]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
  return `::${level} title=memprof gate::${text}\n`;
}
