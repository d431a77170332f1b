import flamegraph, { type Laid } from 'd3-flame-graph';
import { select } from 'd3-selection';
import { baseName, placeOf } from '../../../model/frames.js';
import { formatBytes } from '../../../model/units.js';
import type { PageData } from '../page-data.js';
import { hashColour, isDark, isPrinting, onTheme } from './colours.js';
import { card, choice, h } from './dom.js';
import { type FlameChoice, type FlameNode, flameTree } from './flame-tree.js';

const ROW = 19;
/** Narrower rows are not drawn. Nobody could see them, and a page with a million rows would not move. */
const LEAST_PIXELS = 1;
const NOTE =
  'The root is on top; what a row is wide, it and what it called hold. Click to zoom. By function: JavaScript is warm, each library has its hue, code of V8 is grey.';

/** The flame graph, the root on top. */
export function flameCard({ flame }: PageData, page: HTMLElement): void {
  if (flame.samples.nodes.length === 0) return;
  let chosen: FlameChoice = { by: 'function', column: 'inuseBytes', hidesEngine: true };
  if (flame.samples.inuseBytes.every((bytes) => bytes <= 0)) chosen = { ...chosen, column: 'allocatedBytes' };
  const detail = h('p', { class: 'flame-detail' });
  const found = h('span', { class: 'note' });
  const note = h('p', { class: 'note' });
  const graph = h('div', { class: 'flame' });
  const search = h('input', {
    type: 'search',
    placeholder: 'search: name, file, library',
    'aria-label': 'search',
    input: () => find(),
  });
  const engine = h('input', {
    type: 'checkbox',
    checked: chosen.hidesEngine,
    change: () => rebuild({ hidesEngine: engine.checked }),
  });
  let total = 1;
  let chart = flamegraph();

  function rebuild(change: Partial<FlameChoice>): void {
    chosen = { ...chosen, ...change };
    const { root: tree, leastBytes } = flameTree(flame, chosen);
    note.textContent = [leastBytes > 0 && `Rows below ${formatBytes(leastBytes)} are left out.`, NOTE]
      .filter(Boolean)
      .join(' ');
    total = Math.max(1, tree.value);
    graph.replaceChildren();
    graph.dataset.width = String(graph.clientWidth);
    chart = flamegraph()
      .width(graph.clientWidth)
      .cellHeight(ROW)
      .inverted(true)
      .minFrameSize(LEAST_PIXELS)
      .transitionDuration(matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 200)
      .setLabelHandler(({ data }) => describe(data))
      .setSearchMatch(({ data }, term) => matches(data, term))
      .setSearchHandler((_, bytes) => {
        found.textContent = `${formatBytes(bytes)} found, ${percent(bytes)}`;
      })
      .setColorMapper(fillOf)
      .onHover(({ data }) => show(data));
    select(graph).datum(tree).call(chart);
    // Scales down where the page is narrower, as on paper.
    const svg = graph.querySelector('svg');
    svg?.setAttribute('viewBox', `0 0 ${svg.getAttribute('width')} ${svg.getAttribute('height')}`);
    show(tree);
    find();
  }

  const fillOf = ({ data, highlight }: Laid): string =>
    highlight ? (isDark() ? '#d946ef' : '#e879f9') : colourOf(data, chosen.by);

  function find(): void {
    if (search.value.trim() === '') {
      chart.clear();
      found.textContent = '';
    } else chart.search(search.value.trim());
  }

  const percent = (bytes: number): string => `${((100 * bytes) / total).toFixed(1)} %`;
  const describe = (node: FlameNode): string =>
    [node.name, placeOfNode(node), `${formatBytes(node.value)}, ${percent(node.value)}`].filter(Boolean).join(' · ');
  const show = (node: FlameNode): void => {
    detail.textContent = describe(node);
  };

  page.append(
    card(
      'Flame graph',
      [
        choice(
          'rows',
          [
            { value: 'function', title: 'by function' },
            { value: 'arena', title: 'by arena' },
          ],
          chosen.by,
          (by) => rebuild({ by }),
        ),
        choice(
          'bytes',
          [
            { value: 'inuseBytes', title: flame.inuseTitle },
            { value: 'allocatedBytes', title: 'allocated in all' },
          ],
          chosen.column,
          (column) => rebuild({ column }),
        ),
        h('label', { title: 'the same in every Node program' }, engine, "without V8 and Node's C++"),
        search,
        found,
        h('button', { type: 'button', title: 'show everything', click: () => chart.resetZoom() }, 'reset zoom'),
      ],
      detail,
      graph,
      note,
    ),
  );
  rebuild({});
  // Not drawn anew: what was zoomed stays, and a printer does not wait for a transition.
  onTheme(() => {
    select(graph).selectAll('g').select('rect').attr('fill', fillOf);
  });
  new ResizeObserver(() => {
    if (!isPrinting() && graph.clientWidth > 0 && graph.dataset.width !== String(graph.clientWidth)) rebuild({});
  }).observe(graph);
}

function placeOfNode({ frame }: FlameNode): string {
  if (frame === undefined) return '';
  return [placeOf(frame), baseName(frame.module)].filter(Boolean).join(' in ');
}

function matches(node: FlameNode, term: string): boolean {
  const text = `${node.name} ${node.frame?.file ?? ''} ${node.frame?.module ?? ''}`;
  return text.toLowerCase().includes(term.toLowerCase());
}

/** By arena a band has one colour. By function JavaScript is warm, a library has a hue of its own, V8's code is grey. */
function colourOf({ frame, band, name }: FlameNode, by: FlameChoice['by']): string {
  const lightness = isDark() ? 34 : 80;
  if (by === 'arena' && band !== '')
    return hashColour(band, frame === undefined ? 60 : 45, frame === undefined ? lightness - 6 : lightness);
  if (frame === undefined) return isDark() ? 'hsl(220 8% 32%)' : 'hsl(220 12% 86%)';
  if (frame.kind === 'js') return `hsl(${34 + (name.length % 5) * 3} ${isDark() ? 62 : 88}% ${lightness - 4}%)`;
  if (frame.kind === 'native') return hashColour(frame.module, isDark() ? 28 : 42, lightness + 2);
  return isDark() ? 'hsl(220 6% 30%)' : 'hsl(220 8% 88%)';
}
