import uPlot from 'uplot';
import { formatBytes } from '../../../model/units.js';
import type { Curve, PageProcess, Stack } from '../page-data.js';
import { bandColour, lineColour, themeColour } from './colours.js';
import { h, tinted } from './dom.js';
import { lanesOf } from './lanes.js';
import { drawMoments } from './moments.js';
import { choose, type State } from './state.js';
import { formatSeconds } from './time-format.js';

const HEIGHT = 320;
/** What a legend begins with; the others are a click away. */
const SHOWN_LINES = new Set(['rss', 'malloc_live_estimate', 'v8_total', 'cgroup_limit']);
const DASHES: Readonly<Record<string, number[]>> = { cgroup_limit: [8, 4], cgroup_usage: [2, 3], anonymous: [5, 3] };
/** Bytes on the axis go up in powers of two. */
const STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power);

/** Draws areas, lines, moments and lanes into `plot`. Returns what takes them away again. */
export function drawChart(plot: HTMLElement, state: State, process: PageProcess, stack: Stack | undefined): () => void {
  plot.replaceChildren();
  plot.dataset.width = String(plot.clientWidth);
  // Above areas one line says enough.
  const lines = process.lines.map((curve, at) => ({
    curve,
    isShown: stack ? curve.name === 'rss' : SHOWN_LINES.has(curve.name),
    at,
  }));
  const areas = [...(stack?.bands ?? [])].map((curve, at) => ({ curve, colour: bandColour(curve.name, at) }));
  const sums = cumulated(stack?.bands ?? []);
  const tip = h('div', { class: 'tip', hidden: true });
  // A painter's order: the whole stack first, the lowest band over it.
  const painted = areas.map((_, at) => areas.length - 1 - at);
  const options: uPlot.Options = {
    width: plot.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    padding: [14, 22, 0, 0],
    scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.06)] } },
    cursor: { drag: { x: true, y: false }, points: { show: false } },
    axes: [
      axis({
        size: 30,
        values: (_, ticks) => ticks.map((tick) => formatSeconds(tick, (ticks[1] ?? 0) - (ticks[0] ?? 0))),
      }),
      axis({ size: 76, incrs: STEPS, values: (_, ticks) => ticks.map(formatBytes) }),
    ],
    series: [
      {},
      // Behind the areas: what of RSS they do not explain.
      { fill: stack ? themeColour('rest') : '', width: 0, points: { show: false }, spanGaps: true },
      ...painted.map((at) => ({
        fill: areas[at]?.colour ?? '',
        stroke: themeColour('card'),
        width: 1,
        points: { show: false },
        spanGaps: true,
      })),
      ...lines.map(({ curve, isShown, at }) => ({
        stroke: lineColour(curve.name, at),
        width: curve.name === 'rss' ? 2 : 1.5,
        show: isShown,
        points: { show: process.seconds.length < 2 },
        spanGaps: true,
        dash: DASHES[curve.name] ?? [],
      })),
    ],
    hooks: {
      draw: [(u) => drawMoments(u, state, process), (u) => lanes.draw(u)],
      setCursor: [
        (u) =>
          showTip(
            u,
            tip,
            process,
            stack,
            lines.filter(({ isShown }) => isShown).map(({ curve }) => curve),
          ),
      ],
    },
  };
  const lanes = lanesOf(process);
  const data = [
    process.seconds,
    process.lines.find(({ name }) => name === 'rss')?.values ?? [],
    ...painted.map((at) => sums[at] ?? []),
    ...lines.map(({ curve }) => curve.values),
  ];
  const chart = new uPlot(options, data as uPlot.AlignedData, plot);
  chart.over.append(tip);
  chart.over.addEventListener('mouseleave', () => {
    tip.hidden = true;
  });
  onClick(chart, (seconds) => choose(state, { seconds }));
  plot.append(
    lanes.element,
    legend(areas, lines, (at, isShown) => {
      const line = lines[at];
      if (line) line.isShown = isShown;
      chart.setSeries(2 + areas.length + at, { show: isShown });
    }),
  );
  const redraw = (): void => chart.redraw(false);
  state.changed.push(redraw);
  return () => {
    state.changed.splice(state.changed.indexOf(redraw), 1);
    chart.destroy();
  };
}

function axis(more: Partial<uPlot.Axis>): uPlot.Axis {
  const grid = { stroke: themeColour('grid'), width: 1 };
  return {
    stroke: themeColour('muted'),
    grid,
    ticks: { ...grid, size: 4 },
    font: '12px system-ui, sans-serif',
    ...more,
  };
}

/** Each band on top of those before it. Where nothing is known of a moment there is no area. */
function cumulated(bands: readonly Curve[]): (number | null)[][] {
  const sums: (number | null)[][] = [];
  for (const { values } of bands) {
    const below = sums.at(-1);
    sums.push(
      values.map((value, at) => {
        const base = below?.[at] ?? null;
        return value === null && base === null ? null : (value ?? 0) + (base ?? 0);
      }),
    );
  }
  return sums;
}

/** A click is a press that does not move: the others zoom. */
function onClick(chart: uPlot, listener: (seconds: number) => void): void {
  let pressedX = 0;
  chart.over.addEventListener('mousedown', ({ clientX }) => {
    pressedX = clientX;
  });
  chart.over.addEventListener('click', ({ clientX }) => {
    if (Math.abs(clientX - pressedX) > 3) return;
    listener(chart.posToVal(clientX - chart.over.getBoundingClientRect().left, 'x'));
  });
}

function showTip(
  u: uPlot,
  tip: HTMLElement,
  process: PageProcess,
  stack: Stack | undefined,
  lines: readonly Curve[],
): void {
  const { idx, left = -1 } = u.cursor;
  tip.hidden = idx === null || idx === undefined || left < 0;
  if (idx === null || idx === undefined) return;
  const bands = (stack?.bands ?? []).map((curve, at) => ({ curve, colour: bandColour(curve.name, at) }));
  const biggest = bands
    .filter(({ curve }) => (curve.values[idx] ?? 0) > 0)
    .sort((a, b) => (b.curve.values[idx] ?? 0) - (a.curve.values[idx] ?? 0));
  const rows = [...lines.map((curve) => ({ curve, colour: undefined })), ...biggest.slice(0, 10)];
  tip.replaceChildren(
    h('div', { class: 'when' }, formatSeconds(process.seconds[idx] ?? 0, 0.01)),
    ...rows
      .filter(({ curve }) => curve.values[idx] !== null && curve.values[idx] !== undefined)
      .map(({ curve, colour }) =>
        h(
          'div',
          { class: 'row' },
          colour === undefined
            ? h('span', { class: 'swatch line' })
            : tinted(h('span', { class: 'swatch' }), 'background-color', colour),
          h('span', {}, curve.title),
          h('b', {}, formatBytes(curve.values[idx] ?? 0)),
        ),
      ),
  );
  const isRight = left > u.over.clientWidth / 2;
  tinted(tip, 'left', isRight ? 'auto' : `${left + 14}px`);
  tinted(tip, 'right', isRight ? `${u.over.clientWidth - left + 14}px` : 'auto');
}

function legend(
  areas: readonly { readonly curve: Curve; readonly colour: string }[],
  lines: readonly { readonly curve: Curve; readonly isShown: boolean }[],
  onToggle: (at: number, isShown: boolean) => void,
): HTMLElement {
  return h(
    'div',
    { class: 'legend' },
    ...lines.map(({ curve, isShown }, at) => {
      const button = h(
        'button',
        {
          type: 'button',
          'aria-pressed': String(isShown),
          title: 'show or hide',
          click: () => {
            const shows = button.getAttribute('aria-pressed') !== 'true';
            button.setAttribute('aria-pressed', String(shows));
            onToggle(at, shows);
          },
        },
        tinted(h('span', { class: 'swatch line' }), 'background-color', lineColour(curve.name, at)),
        curve.title,
      );
      return button;
    }),
    ...areas.map(({ curve, colour }) =>
      h('span', {}, tinted(h('span', { class: 'swatch' }), 'background-color', colour), curve.title),
    ),
  );
}
