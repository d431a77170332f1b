import type { LedgerCheck, LedgerInputs, LedgerLine } from '../model/ledger.js';
import { formatBytes } from '../model/units.js';

const MAX_RESIDUAL = 0.03;
const MAX_UNKNOWN = 0.01;
const MAX_DISAGREEMENT = 0.005;
const MAX_SKEW = 0.005;

/** Tests a ledger against itself. One that fails names the line that cannot be trusted; the others stand. */
export function checksOf(
  inputs: LedgerInputs,
  lines: readonly LedgerLine[],
  { unknownBytes, residualBytes }: { unknownBytes: number; residualBytes: number },
): LedgerCheck[] {
  const { rssBytes } = inputs;
  const share = (bytes: number): number => Math.abs(bytes) / Math.max(1, rssBytes);
  const percent = (bytes: number): string => `${(100 * share(bytes)).toFixed(2)} % of RSS`;
  const skewBytes = inputs.rssAfterBytes - inputs.rssBeforeBytes;
  const disagreement = inputs.statusRssBytes - rssBytes;
  const checks: LedgerCheck[] = [
    {
      name: 'residual',
      isPassed: share(residualBytes) <= MAX_RESIDUAL,
      message: `residual: ${percent(residualBytes)} has no owner; every line may be too small by up to that`,
    },
    {
      name: 'unknown_mappings',
      isPassed: share(unknownBytes) <= MAX_UNKNOWN,
      message: `residual: mappings of ${formatBytes(unknownBytes)} (${percent(unknownBytes)}) have no known owner; V8's lines and malloc's mapped blocks may lack them`,
    },
    {
      name: 'status_and_smaps',
      isPassed: share(disagreement) <= MAX_DISAGREEMENT,
      message: `RSS: VmRSS of /proc/PID/status and the sum of smaps are ${formatBytes(disagreement)} apart; all lines are those of smaps`,
    },
    {
      name: 'skew',
      isPassed: share(skewBytes) <= MAX_SKEW,
      message: `all lines: RSS moved by ${formatBytes(skewBytes)} while it was read, ${inputs.retries + 1} times; lines are of slightly different moments`,
    },
  ];
  for (const line of lines) {
    if (line.name !== 'residual') checks.push(...checksOfLine(line));
  }
  const v8 = lines.find((line) => line.name === 'v8Heap');
  if (inputs.v8Use !== undefined) {
    const { usedBytes } = inputs.v8Use;
    checks.push({
      name: 'v8_used',
      isPassed: usedBytes <= (v8?.bytes ?? 0),
      message: `V8 heap pages: V8 says that ${formatBytes(usedBytes)} are used, and ${formatBytes(v8?.bytes ?? 0)} are resident; "used" cannot be trusted`,
    });
  }
  const unreached = inputs.mallocUse?.unreachedBytes ?? 0;
  checks.push({
    name: 'malloc_walk',
    isPassed: share(unreached) <= MAX_UNKNOWN,
    message: `malloc heaps: ${formatBytes(unreached)} were not reached, their chunks moved or make no sense; live and retained cannot be trusted`,
  });
  return checks;
}

function checksOfLine(line: LedgerLine): LedgerCheck[] {
  const negative = [line, ...line.parts].find((part) => part.bytes < 0 && part.name !== 'undivided');
  if (negative === undefined) return [];
  const message = `${line.title}: ${negative.title} is negative (${formatBytes(negative.bytes)}); the line cannot be trusted`;
  return [{ name: `negative_${line.name}`, isPassed: false, message }];
}
