import type uPlot from 'uplot';
import type { PageProcess } from '../page-data.js';
import { lineColour, themeColour } from './colours.js';
import { s } from './dom.js';
import { arenaLane, pack } from './lane-arenas.js';
import { rateLanes } from './lane-rates.js';
import { formatSeconds } from './time-format.js';

export const ROW = 15;
const STAGE_ROW = 13;
const MAX_STAGES = 5;
/** What the axis above leaves room for. */
const MAX_STAGE_LETTERS = 12;
const GC_HEIGHT = 26;
/** A young generation's pauses, then those of the whole heap, then the rest: numbers of `kindNames` in groups of a colour. */
const IS_MAJOR: ReadonlySet<string> = new Set(['mark-compact']);

/** What happened below the chart, on its axis: stages, pauses of the collector, lives of arenas. */
export function lanesOf(process: PageProcess): { readonly element: SVGSVGElement; readonly draw: (u: uPlot) => void } {
  const element = s('svg', { class: 'lanes', role: 'img', 'aria-label': 'stages, garbage collection, arenas' });
  const stages = process.marks.filter(({ kind }) => kind === 'stage');
  const end = process.seconds.at(-1) ?? 0;
  const lives = pack(process.arenas, end);
  const draw = (u: uPlot): void => {
    const left = u.bbox.left / devicePixelRatio;
    const width = u.bbox.width / devicePixelRatio;
    const view: View = {
      left,
      right: left + width,
      xOf: (seconds) => left + u.valToPos(seconds, 'x'),
    };
    element.replaceChildren();
    let y = 4;
    if (stages.length > 0) y = stageLanes(element, view, stages, y);
    if (process.pauses.seconds.length > 0) y = pauseLane(element, view, process, y);
    if (process.rates.length > 0) y = rateLanes(element, view, process.rates, y);
    if (lives.length > 0) y = arenaLane(element, view, lives, process.arenas.length, y);
    element.setAttribute('width', String(u.width));
    element.setAttribute('height', String(y));
    element.setAttribute('viewBox', `0 0 ${u.width} ${y}`);
  };
  return { element, draw };
}

/** Where the chart above has its line of time. */
export interface View {
  readonly left: number;
  readonly right: number;
  readonly xOf: (seconds: number) => number;
}

export function label(text: string, y: number): SVGElement {
  return s('text', { x: 4, y, class: 'lane-name' }, text);
}

/** A row of ticks for each stage, the commonest first: when somebody came to it. */
function stageLanes(lane: SVGElement, view: View, stages: PageProcess['marks'], y: number): number {
  const byName = new Map<string, number[]>();
  for (const { seconds, name } of stages) {
    const known = byName.get(name);
    if (known) known.push(seconds);
    else byName.set(name, [seconds]);
  }
  const rows = [...byName].sort((a, b) => b[1].length - a[1].length).slice(0, MAX_STAGES);
  for (const [row, [name, times]] of rows.entries()) {
    const top = y + row * STAGE_ROW;
    const short = name.length > MAX_STAGE_LETTERS ? `${name.slice(0, MAX_STAGE_LETTERS - 1)}…` : name;
    lane.append(s('text', { x: 4, y: top + 9, class: 'lane-name' }, short, s('title', {}, `stage ${name}`)));
    const fill = lineColour('stage', row);
    for (const seconds of times) {
      const x = view.xOf(seconds);
      if (x < view.left || x > view.right) continue;
      const title = s('title', {}, `${name} at ${formatSeconds(seconds, 0.01)}`);
      lane.append(s('rect', { x: x - 0.75, y: top + 1, width: 1.5, height: STAGE_ROW - 4, fill }, title));
    }
  }
  return y + rows.length * STAGE_ROW + 4;
}

/** A bar for each pixel that has pauses, as long as the longest of them, on a scale of logarithms: 0.1 ms to 1 s. */
function pauseLane(lane: SVGElement, view: View, { pauses }: PageProcess, y: number): number {
  lane.append(label('GC', y + 17));
  const longest = new Map<number, number>();
  for (const [at, seconds] of pauses.seconds.entries()) {
    const x = Math.round(view.xOf(seconds));
    if (x < view.left || x > view.right) continue;
    const known = longest.get(x);
    if (known === undefined || (pauses.milliseconds[at] ?? 0) > (pauses.milliseconds[known] ?? 0)) longest.set(x, at);
  }
  for (const [x, at] of longest) {
    const ms = pauses.milliseconds[at] ?? 0;
    const height = Math.max(2, (Math.min(4, Math.log10(Math.max(ms, 0.1) * 10)) / 4) * GC_HEIGHT);
    const kind = pauses.kindNames[pauses.kinds[at] ?? 0] ?? '';
    const cause = pauses.causes[at] ? `, ${pauses.causes[at]}` : '';
    lane.append(
      s(
        'rect',
        {
          x: x - 0.75,
          y: y + GC_HEIGHT - height,
          width: 1.5,
          height,
          fill: themeColour(IS_MAJOR.has(kind) ? 'bad' : 'good'),
        },
        s('title', {}, `${kind}${cause}: ${ms.toFixed(1)} ms at ${formatSeconds(pauses.seconds[at] ?? 0, 0.01)}`),
      ),
    );
  }
  return y + GC_HEIGHT + 6;
}
