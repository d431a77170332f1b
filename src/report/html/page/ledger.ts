import { formatBytes } from '../../../model/units.js';
import type { PageLedger, PageLedgerLine } from '../page-data.js';
import { bandColour, onTheme } from './colours.js';
import { card, h, tinted } from './dom.js';
import { choose, peakOf, readingAt, type State } from './state.js';
import { formatSeconds } from './time-format.js';

const MARKS = { measured: '=', estimated: '~', unknown: '?' } as const;

/** The ledger at the moment that was clicked, beside what each line had at the peak or the end. */
export function ledgerCard(state: State, page: HTMLElement): void {
  if (state.data.processes.every(({ ledgers }) => ledgers.length === 0)) return;
  const body = h('div', { class: 'ledger' });
  const step = (by: number) => () => {
    const ledgers = state.process?.ledgers ?? [];
    const reading = readingAt(state);
    const next = ledgers[(reading ? ledgers.indexOf(reading) : 0) + by];
    if (next) choose(state, { seconds: next.seconds });
  };
  const button = (title: string, hint: string, click: () => void): HTMLElement =>
    h('button', { type: 'button', title: hint, click }, title);
  page.append(
    card(
      'The ledger',
      [
        button('◀', 'the reading before', step(-1)),
        button('peak', 'the reading with the highest RSS', () =>
          choose(state, { seconds: peakOf(state.process)?.seconds }),
        ),
        button('end', 'the last reading', () => choose(state, { seconds: state.process?.ledgers.at(-1)?.seconds })),
        button('▶', 'the next reading', step(1)),
      ],
      body,
    ),
  );
  const draw = (): void => {
    const reading = readingAt(state);
    body.replaceChildren(
      ...(reading
        ? [heading(state, reading), linesTable(reading, peakOf(state.process)), ...remarks(reading)]
        : [h('p', { class: 'note' }, 'Nobody read a ledger of this process.')]),
    );
  };
  draw();
  state.changed.push(draw);
  onTheme(draw);
}

function heading({ seconds }: State, reading: PageLedger): HTMLElement {
  const isNear = seconds !== undefined && Math.abs(seconds - reading.seconds) > 0.05;
  return h(
    'p',
    { class: 'moment' },
    h('strong', {}, `RSS ${formatBytes(reading.rssBytes)}`),
    ` at ${formatSeconds(reading.seconds)}`,
    reading.moment === 'now' ? '' : ` (${reading.moment})`,
    isNear ? `, the reading nearest to ${formatSeconds(seconds)}` : '',
  );
}

function linesTable(reading: PageLedger, peak: PageLedger | undefined): HTMLElement {
  const other = peak === reading ? undefined : peak;
  const most = Math.max(1, ...reading.lines.map(({ bytes }) => Math.abs(bytes)));
  const sorted = [...reading.lines].sort(
    (a, b) => Number(a.name === 'residual') - Number(b.name === 'residual') || b.bytes - a.bytes,
  );
  const before = new Map(other?.lines.map(({ name, bytes }) => [name, bytes]));
  const rows = sorted.flatMap((line, at) => [
    row(line, { at, most, rssBytes: reading.rssBytes, delta: other && line.bytes - (before.get(line.name) ?? 0) }),
    ...line.parts
      .filter(({ bytes }) => bytes !== 0)
      .map((part) => row(part, { at, most, rssBytes: reading.rssBytes, isPart: true })),
  ]);
  return h(
    'table',
    { class: 'lines' },
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        ...['line', 'bytes', '', 'of RSS', other ? 'against the peak' : '', 'how it is told'].map((title, at) =>
          h('th', { class: at === 1 || at === 3 || at === 4 ? 'number' : undefined, scope: 'col' }, title),
        ),
      ),
    ),
    h('tbody', {}, ...rows),
    h(
      'tfoot',
      {},
      h(
        'tr',
        {},
        h('td', {}, 'RSS: the sum'),
        h('td', { class: 'number' }, `= ${formatBytes(reading.rssBytes)}`),
        h('td'),
        h('td', { class: 'number' }, '100 %'),
        h('td'),
        h('td'),
      ),
    ),
  );
}

interface RowContext {
  readonly at: number;
  readonly most: number;
  readonly rssBytes: number;
  readonly isPart?: boolean;
  readonly delta?: number | undefined;
}

function row(line: PageLedgerLine, { at, most, rssBytes, isPart = false, delta }: RowContext): HTMLElement {
  const colour = bandColour(line.name, at);
  const fill = tinted(h('div', { class: 'fill' }), 'width', `${(100 * Math.abs(line.bytes)) / most}%`);
  const error = line.errorBytes > 0 ? ` ±${formatBytes(line.errorBytes)}` : '';
  return h(
    'tr',
    { class: [isPart && 'part', line.name === 'residual' && 'residual'].filter(Boolean).join(' ') || undefined },
    h('td', {}, !isPart && tinted(h('span', { class: 'swatch' }), 'background-color', colour), line.title),
    h('td', { class: 'number' }, `${MARKS[line.certainty]} ${formatBytes(line.bytes)}${error}`),
    h('td', { class: 'gauge' }, isPart ? undefined : tinted(fill, 'background-color', colour)),
    h('td', { class: 'number' }, `${((100 * line.bytes) / Math.max(1, rssBytes)).toFixed(1)} %`),
    h('td', { class: 'number' }, delta === undefined ? '' : signed(delta)),
    h('td', { class: 'detail' }, line.source),
  );
}

const signed = (bytes: number): string => (bytes === 0 ? '0' : `${bytes > 0 ? '+' : ''}${formatBytes(bytes)}`);

function remarks({ splitErrorBytes, skewBytes, apart, warnings }: PageLedger): HTMLElement[] {
  const errors = [
    splitErrorBytes === null ? undefined : `split error ${signed(splitErrorBytes)} (live against retained)`,
    `skew ${signed(skewBytes)} (by which RSS moved while it was read)`,
  ].filter((text) => text !== undefined);
  return [
    h('p', { class: 'note' }, errors.join(' · ')),
    ...(apart.length > 0
      ? [h('p', { class: 'note' }, `Not in RSS: ${apart.map(([name, text]) => `${name} ${text}`).join(' · ')}`)]
      : []),
    ...warnings.map((warning) => h('p', { class: 'warning' }, warning)),
  ];
}
