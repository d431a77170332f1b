import type { GateReport } from '../model/gate.js';
import { amountText, changeText, measureText } from './gate-names.js';

/** JUnit's XML, as Jenkins and GitLab read it: a test case a measure that was compared and a budget. */
export function writeGateJunit(report: GateReport): string {
  const { comparisons, budgets, reasons, verdict, durationMs } = report;
  const cases = [
    ...comparisons.map((one) => ({
      name: measureText(one),
      failure: one.verdict === 'grown' ? `grew: ${changeText(one)}` : undefined,
    })),
    ...budgets.map((one) => ({
      name: `budget ${one.text}`,
      failure: one.verdict === 'exceeded' ? `exceeded: ${amountText(one, one.median)}` : undefined,
    })),
  ];
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  // Neither a pass nor a failure of the program: what JUnit calls an error.
  const errors = verdict === 'inconclusive' ? reasons : [];
  const counts = `tests="${cases.length + errors.length}" failures="${failures}" errors="${errors.length}"`;
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="memprof gate" ${counts} time="${(durationMs / 1000).toFixed(3)}">`,
    `  <testsuite name="memprof gate" ${counts} time="${(durationMs / 1000).toFixed(3)}">`,
    ...cases.map(({ name, failure }) =>
      failure === undefined
        ? `    <testcase classname="memprof" name="${inXml(name)}"/>`
        : `    <testcase classname="memprof" name="${inXml(name)}"><failure message="${inXml(failure)}"/></testcase>`,
    ),
    ...errors.map(
      (reason) => `    <testcase classname="memprof" name="decision"><error message="${inXml(reason)}"/></testcase>`,
    ),
    '  </testsuite>',
    '</testsuites>',
  ];
  return `${lines.join('\n')}\n`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** XML 1.0 has no way to write most control characters. */
function inXml(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\ufffe\uffff]+/gu, ' ')
    .replace(/[&<>"]/g, (character) => ENTITIES[character] ?? '');
}
