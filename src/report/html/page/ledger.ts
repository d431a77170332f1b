import { formatBytes } from '../../../model/units.js';
import type { PageAllocator, PageLedger } from '../page-data.js';
import { onTheme } from './colours.js';
import { card, h } from './dom.js';
import { linesTable, signed } from './ledger-table.js';
import { choose, peakOf, readingAt, type State } from './state.js';
import { formatSeconds } from './time-format.js';

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
    h('button', { type: 'button', title: hint, 'aria-label': hint, click }, title);
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
    const peak = peakOf(state.process);
    const kinds = state.process?.lineKinds ?? [];
    body.replaceChildren(
      ...(reading
        ? [
            heading(state, reading),
            linesTable(kinds, reading, peak === reading ? undefined : peak),
            ...remarks(reading),
            ...reading.allocators.map(allocator),
          ]
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
    reading.moment === 'peak' || reading.moment === 'end' ? ` (${reading.moment})` : '',
    isNear ? `, the reading nearest to ${formatSeconds(seconds)}` : '',
  );
}

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

/** What an allocator keeps, and what it could give back at most. */
function allocator({ name, columns, rows, figures }: PageAllocator): HTMLElement {
  const cells = (row: readonly string[], tag: 'td' | 'th', isNumber: (at: number) => boolean): HTMLElement =>
    h('tr', {}, ...row.map((text, at) => h(tag, { class: isNumber(at) ? 'number' : undefined }, text)));
  return h(
    'details',
    { open: true },
    h('summary', {}, `Allocator: ${name}`),
    rows.length > 0 &&
      h(
        'table',
        {},
        h(
          'thead',
          {},
          cells(columns, 'th', (at) => at > 0),
        ),
        h('tbody', {}, ...rows.map((row) => cells(row, 'td', (at) => at > 0))),
      ),
    figures.length > 0 &&
      h('table', { class: 'figures' }, h('tbody', {}, ...figures.map((row) => cells(row, 'td', (at) => at === 1)))),
  );
}
