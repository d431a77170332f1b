import type uPlot from 'uplot';
import type { PageProcess } from '../page-data.js';
import { hashColour, isDark, themeColour } from './colours.js';
import { s } from './dom.js';
import { arenaLane, pack } from './lane-arenas.js';
import { formatSeconds } from './time-format.js';

export const ROW = 15;
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
    if (stages.length > 0) y = stageLane(element, view, stages, y);
    if (process.pauses.seconds.length > 0) y = pauseLane(element, view, process, y);
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

function stageLane(lane: SVGElement, view: View, stages: PageProcess['marks'], y: number): number {
  lane.append(label('stages', y + 11));
  let free = view.left;
  for (const { seconds, name } of stages) {
    const x = view.xOf(seconds);
    if (x < view.left || x > view.right) continue;
    const colour = hashColour(name, 60, isDark() ? 62 : 42);
    lane.append(
      s(
        'rect',
        { x: x - 1, y, width: 2, height: ROW - 2, fill: colour },
        s('title', {}, `${name} at ${formatSeconds(seconds)}`),
      ),
    );
    const textWidth = name.length * 6.2 + 8;
    if (x < free || x + textWidth > view.right) continue;
    lane.append(s('text', { x: x + 4, y: y + 11, class: 'lane-text', fill: colour }, name));
    free = x + textWidth;
  }
  return y + ROW + 4;
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
