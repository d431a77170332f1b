import type { Cell, PageTable } from '../page-data.js';
import { card, h } from './dom.js';

/** Rows that show before somebody asks for more. */
const FIRST_ROWS = 15;

export function tableCards(tables: readonly PageTable[]): HTMLElement[] {
  return tables.map(tableCard);
}

function tableCard({ title, note, columns, rows }: PageTable): HTMLElement {
  let ordered = [...rows];
  let isWhole = rows.length <= FIRST_ROWS;
  const body = h('tbody');
  const more = h(
    'button',
    { type: 'button', class: 'more', hidden: isWhole, click: showAll },
    `all ${rows.length} rows`,
  );
  const heads = columns.map((column, at) =>
    h(
      'th',
      { class: column.isNumber ? 'number' : undefined, scope: 'col', 'aria-sort': 'none' },
      h('button', { type: 'button', click: () => sortBy(at) }, column.title),
    ),
  );

  function show(): void {
    const shown = isWhole ? ordered : ordered.slice(0, FIRST_ROWS);
    body.replaceChildren(
      ...shown.map((row) =>
        h(
          'tr',
          {},
          ...row.map((cell, at) =>
            h('td', { class: columns[at]?.isNumber ? 'number' : undefined, title: cell.hint }, ...cellParts(cell)),
          ),
        ),
      ),
    );
  }

  function showAll(): void {
    isWhole = true;
    more.hidden = true;
    show();
  }

  function sortBy(at: number): void {
    const head = heads[at];
    // Numbers begin with the biggest, names with A.
    const isFirst = head?.getAttribute('aria-sort') === 'none';
    const isUp = isFirst ? columns[at]?.isNumber === false : head?.getAttribute('aria-sort') === 'descending';
    for (const other of heads) other.setAttribute('aria-sort', 'none');
    head?.setAttribute('aria-sort', isUp ? 'ascending' : 'descending');
    ordered = [...rows].sort((a, b) => compare(a[at], b[at]) * (isUp ? 1 : -1));
    show();
  }

  show();
  return card(
    title,
    [note !== '' && h('span', { class: 'note' }, note)],
    h('div', { class: 'scroll' }, h('table', {}, h('thead', {}, h('tr', {}, ...heads)), body)),
    more,
  );
}

function cellParts({ text, detail }: Cell): (Node | string)[] {
  return detail ? [h('div', {}, text), h('div', { class: 'detail' }, detail)] : [text];
}

function compare(a: Cell | undefined, b: Cell | undefined): number {
  if (a?.sort !== undefined && b?.sort !== undefined) return a.sort - b.sort;
  return (a?.text ?? '').localeCompare(b?.text ?? '');
}
