import type { Baseline, Series } from '../model/gate.js';
import { amountText, measureText } from './gate-names.js';

const MAX_LINES = 20;

/** What `gate --update` did, for people: which measures changed, by how much. */
export function updateText(path: string, baseline: Baseline, old: Baseline | undefined): string {
  const head = `${path}: ${baseline.series.length} measures, ${baseline.runs} runs`;
  if (old === undefined) return `${head}\n`;
  const before = new Map(old.series.map((one) => [measureText(one), one]));
  const after = new Map(baseline.series.map((one) => [measureText(one), one]));
  const changes = [...new Set([...before.keys(), ...after.keys()])].flatMap((name) =>
    change(name, before.get(name), after.get(name)),
  );
  changes.sort((a, b) => b.size - a.size);
  const lines = changes.slice(0, MAX_LINES).map(({ text }) => `  ${text}`);
  const more = changes.length > MAX_LINES ? [`  and ${changes.length - MAX_LINES} more`] : [];
  return `${[head, ...(changes.length === 0 ? ['  no median changed by 1 %'] : lines), ...more].join('\n')}\n`;
}

function change(name: string, before: Series | undefined, after: Series | undefined): { text: string; size: number }[] {
  const [was, is] = [middle(before), middle(after)];
  const known = after ?? before;
  if (known === undefined || Math.abs(is - was) <= 0.01 * Math.max(was, is)) return [];
  return [{ text: `${name}: ${amountText(known, was)} -> ${amountText(known, is)}`, size: Math.abs(is - was) }];
}

function middle(series: Series | undefined): number {
  const sorted = [...(series?.values ?? [])].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
