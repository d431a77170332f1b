import type { PageProcess } from '../page-data.js';
import { drawChart } from './chart.js';
import { isPrinting, onTheme } from './colours.js';
import { card, choice, h } from './dom.js';
import { choose, type State } from './state.js';

/** Memory over time: what it was, who held it, and what happened meanwhile. */
export function timeCard(state: State, page: HTMLElement): void {
  const { processes } = state.data;
  if (processes.every(({ seconds }) => seconds.length === 0)) return;
  const stackTools = h('span');
  const plot = h('div', { class: 'plot' });
  const below = h('p', { class: 'note' });
  let stackName: string | undefined;
  let destroy = (): void => undefined;

  const draw = (): void => {
    const { process } = state;
    if (process === undefined) return;
    const stack =
      process.stacks.find(({ name }) => name === stackName) ?? (stackName === '' ? undefined : process.stacks[0]);
    destroy();
    destroy = drawChart(plot, state, process, stack);
    below.textContent = [stack?.note, ...hintsOf(process)].filter(Boolean).join('. ').concat('.');
  };
  const chooseProcess = h(
    'select',
    {
      'aria-label': 'process',
      change: () => choose(state, { process: processes[chooseProcess.selectedIndex] }),
    },
    ...processes.map(({ label }) => h('option', {}, label)),
  );
  const offerStacks = (): void => {
    const stacks = state.process?.stacks ?? [];
    const options = [
      ...stacks.map(({ name, title }) => ({ value: name as string, title })),
      { value: '', title: 'lines only' },
    ];
    const chosen = stacks.some(({ name }) => name === stackName) ? stackName : (stacks[0]?.name ?? '');
    stackName = chosen;
    stackTools.replaceChildren(
      ...(stacks.length > 0
        ? [
            choice('areas', options, chosen ?? '', (value) => {
              stackName = value;
              draw();
            }),
          ]
        : []),
    );
  };

  page.append(card('Memory over time', [processes.length > 1 && chooseProcess, stackTools], plot, below));
  offerStacks();
  draw();
  let shown = state.process;
  state.changed.push(() => {
    // Another moment is drawn by the chart itself.
    if (shown === state.process) return;
    shown = state.process;
    offerStacks();
    draw();
  });
  onTheme(draw);
  new ResizeObserver(() => {
    if (!isPrinting() && plot.clientWidth > 0 && plot.dataset.width !== String(plot.clientWidth)) draw();
  }).observe(plot);
}

function hintsOf({ ledgers, pauses, arenas }: PageProcess): string[] {
  return [
    pauses.seconds.length > 0 && 'GC: red where the whole heap is collected',
    arenas.some(({ isHeld, heldTo }) => isHeld || heldTo !== null) &&
      'Arenas: hatched is what is held after the release',
    ledgers.length > 0 && 'Click for the ledger at that moment',
    'Drag to zoom, double-click to see all',
  ].filter((hint) => hint !== false);
}
