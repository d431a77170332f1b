import type { GateReport } from '../model/gate.js';
import { amountText, changeText, measureText } from './gate-names.js';

/** GitHub takes 5,000 results a file. */
const MAX_RESULTS = 1000;

/** SARIF 2.1.0 (OASIS): a result for each measure that grew and each budget that was exceeded. */
export function writeGateSarif(report: GateReport): string {
  const grown = report.comparisons.filter(({ verdict }) => verdict === 'grown');
  const exceeded = report.budgets.filter(({ verdict }) => verdict === 'exceeded');
  const [top] = report.sites;
  const where = top === undefined ? '' : `; most of it at ${top.site}`;
  const result = (ruleId: string, text: string, key: string) => ({
    ruleId,
    level: 'error',
    message: { text },
    partialFingerprints: { measure: key },
  });
  const results = [
    ...grown.map((one) =>
      result('memory-growth', `${measureText(one)} grew by ${changeText(one)}${where}`, measureText(one)),
    ),
    ...exceeded.map((one) =>
      result('memory-budget', `${one.text}: the median is ${amountText(one, one.median)}`, one.text),
    ),
  ];
  const sarif = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'memprof gate',
            rules: [
              { id: 'memory-growth', shortDescription: { text: 'More memory than the base' } },
              { id: 'memory-budget', shortDescription: { text: 'More memory than a budget allows' } },
            ],
          },
        },
        invocations: [{ executionSuccessful: report.verdict !== 'inconclusive' }],
        results: results.slice(0, MAX_RESULTS),
      },
    ],
  };
  return `${JSON.stringify(sarif, undefined, 2)}\n`;
}
