import { formatBytes } from '../../../model/units.js';
import type { LineKind, PageLedger, PageLedgerLine } from '../page-data.js';
import { bandColour } from './colours.js';
import { h, tinted } from './dom.js';

const MARKS = { measured: '=', estimated: '~', unknown: '?' } as const;
/** Longer titles are paths: their end says more. */
const MAX_TITLE = 58;

/** All lines of a reading, the biggest first, the residual last; beside them what they differ from `other`. */
export function linesTable(
  kinds: readonly LineKind[],
  reading: PageLedger,
  other: PageLedger | undefined,
): HTMLElement {
  const nameOf = ([kind]: PageLedgerLine): string => kinds[kind]?.name ?? '';
  const most = Math.max(1, ...reading.lines.map(([, bytes]) => Math.abs(bytes)));
  const sorted = [...reading.lines].sort(
    (a, b) => Number(nameOf(a) === 'residual') - Number(nameOf(b) === 'residual') || b[1] - a[1],
  );
  const before = new Map(other?.lines.map((line) => [nameOf(line), line[1]]));
  const context = { kinds, most, rssBytes: Math.max(1, reading.rssBytes) };
  const rows = sorted.flatMap((line, at) => [
    row(line, { ...context, at, delta: other && line[1] - (before.get(nameOf(line)) ?? 0) }),
    ...partRows(line[3], { ...context, at, depth: 1 }),
  ]);
  const heads = ['line', 'bytes', '', 'of RSS', other ? 'since the peak' : '', 'how it is told'];
  const head = (title: string, at: number): HTMLElement =>
    h('th', { class: at === 1 || at === 3 || at === 4 ? 'number' : undefined, scope: 'col' }, title);
  const sum = `= ${formatBytes(reading.rssBytes)}`;
  return h(
    'table',
    { class: 'lines' },
    h('thead', {}, h('tr', {}, ...heads.map(head))),
    h('tbody', {}, ...rows),
    h(
      'tfoot',
      {},
      h(
        'tr',
        {},
        h('td', {}, 'RSS: the sum of the lines'),
        h('td', { class: 'number' }, sum),
        h('td'),
        h('td', { class: 'number' }, '100 %'),
        h('td', { class: 'number' }, other ? signed(reading.rssBytes - other.rssBytes) : ''),
        h('td'),
      ),
    ),
  );
}

interface RowContext {
  readonly kinds: readonly LineKind[];
  readonly at: number;
  readonly most: number;
  readonly rssBytes: number;
  /** 0: a line; more: a part of a part. */
  readonly depth?: number;
  readonly delta?: number | undefined;
}

function partRows(parts: readonly PageLedgerLine[], context: RowContext & { readonly depth: number }): HTMLElement[] {
  return parts.flatMap((part) => [row(part, context), ...partRows(part[3], { ...context, depth: context.depth + 1 })]);
}

function row([number, bytes, errorBytes]: PageLedgerLine, context: RowContext): HTMLElement {
  const { kinds, at, most, rssBytes, depth = 0, delta } = context;
  const isPart = depth > 0;
  const { name = '', title = '', certainty = 'unknown', source = '' } = kinds[number] ?? {};
  const colour = bandColour(name, at);
  const width = `${(100 * Math.abs(bytes)) / most}%`;
  const fill = tinted(tinted(h('div', { class: 'fill' }), 'width', width), 'background-color', colour);
  const error = errorBytes > 0 ? ` ±${formatBytes(errorBytes)}` : '';
  const swatch = tinted(h('span', { class: 'swatch' }), 'background-color', colour);
  return h(
    'tr',
    { class: [isPart && 'part', name === 'residual' && 'residual'].filter(Boolean).join(' ') || undefined },
    tinted(
      h('td', { title }, !isPart && swatch, title.length > MAX_TITLE ? `…${title.slice(1 - MAX_TITLE)}` : title),
      'padding-left',
      `${8 + (isPart ? 10 : 0) + 16 * depth}px`,
    ),
    h('td', { class: 'number' }, `${MARKS[certainty]} ${formatBytes(bytes)}${error}`),
    h('td', { class: 'gauge' }, !isPart && fill),
    h('td', { class: 'number' }, `${((100 * bytes) / rssBytes).toFixed(1)} %`),
    h('td', { class: 'number' }, delta === undefined ? '' : signed(delta)),
    h('td', { class: 'detail' }, source),
  );
}

export const signed = (bytes: number): string => (bytes === 0 ? '0' : `${bytes > 0 ? '+' : ''}${formatBytes(bytes)}`);
