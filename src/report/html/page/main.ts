import type { PageData } from '../page-data.js';
import { isDark, setTheme, watchTheme } from './colours.js';
import { h } from './dom.js';
import { flameCard } from './flame.js';
import { ledgerCard } from './ledger.js';
import { createState } from './state.js';
import { tableCards } from './tables.js';
import { timeCard } from './time.js';

const data = JSON.parse(document.getElementById('data')?.textContent ?? '{}') as PageData;
const state = createState(data);
watchTheme();

const page = h(
  'main',
  {},
  h(
    'header',
    {},
    h('div', {}, h('h1', {}, data.title), h('p', { class: 'subtitle' }, data.subtitle)),
    h(
      'button',
      { type: 'button', class: 'theme', title: 'light or dark', click: () => setTheme(isDark() ? 'light' : 'dark') },
      '◐',
    ),
  ),
  h('div', { class: 'facts' }, ...data.facts.map(factTile)),
  data.notices.length > 0 &&
    h(
      'details',
      { class: 'notices', open: data.notices.length <= 3 },
      h('summary', {}, data.notices.length === 1 ? 'A notice' : `${data.notices.length} notices`),
      h('ul', {}, ...data.notices.map((notice) => h('li', {}, notice))),
    ),
);
document.getElementById('page')?.replaceWith(page);
// In the document before they are drawn: charts ask for their width.
timeCard(state, page);
ledgerCard(state, page);
flameCard(data, page);
page.append(...tableCards(data.tables));
if (page.querySelector('section') === null) page.append(h('p', {}, 'Nothing was recorded.'));
page.append(
  h(
    'footer',
    {},
    ...data.footer.map((line) => h('p', {}, line)),
    h(
      'details',
      {},
      h('summary', {}, 'Licences of what this page is made with'),
      h('pre', {}, document.getElementById('licences')?.textContent ?? ''),
    ),
  ),
);
document.documentElement.dataset.ready = 'true';

function factTile({ label, value, note }: PageData['facts'][number]): HTMLElement {
  return h(
    'div',
    { class: 'fact' },
    h('div', { class: 'label' }, label),
    h('div', { class: 'value' }, value),
    h('div', { class: 'note' }, note),
  );
}
