import type uPlot from 'uplot';
import { formatBytes } from '../../../model/units.js';
import type { Life, PageProcess } from '../page-data.js';
import { hashColour, isDark, themeColour } from './colours.js';
import { s } from './dom.js';
import { formatSeconds } from './time-format.js';

const ROW = 15;
const GC_HEIGHT = 26;
const MAX_ARENA_ROWS = 10;
/** A young generation's pauses, then those of the whole heap, then the rest: numbers of `kindNames` in groups of a colour. */
const IS_MAJOR: ReadonlySet<string> = new Set(['mark-compact']);

interface Placed {
  readonly life: Life;
  readonly from: number;
  readonly to: number;
  readonly row: number;
}

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

interface View {
  readonly left: number;
  readonly right: number;
  readonly xOf: (seconds: number) => number;
}

function label(text: string, y: number): SVGElement {
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

function arenaLane(lane: SVGElement, view: View, lives: readonly Placed[], all: number, y: number): number {
  lane.append(label('arenas', y + 11));
  if (lives.length < all) lane.append(s('text', { x: 4, y: y + 24, class: 'lane-name' }, `${lives.length} of ${all}`));
  const rows = Math.max(...lives.map(({ row }) => row)) + 1;
  for (const { life, from, to, row } of lives) {
    const x = Math.max(view.left, view.xOf(from));
    const end = Math.min(view.right, view.xOf(to));
    if (end < view.left || x > view.right) continue;
    const width = Math.max(1.5, end - x);
    const top = y + row * ROW;
    lane.append(
      s(
        'rect',
        { x, y: top, width, height: ROW - 3, rx: 2, fill: hashColour(life.pool, 45, isDark() ? 34 : 82) },
        s(
          'title',
          {},
          `${life.name}: ${formatSeconds(from)} to ${life.to === null ? 'the end' : formatSeconds(to)}, at most ${formatBytes(life.peakBytes)}`,
        ),
      ),
    );
    const letters = Math.floor((width - 8) / 6);
    if (letters < 4) continue;
    const text = `${life.name}  ${formatBytes(life.peakBytes)}`;
    lane.append(
      s(
        'text',
        { x: x + 4, y: top + 10, class: 'lane-text' },
        text.length <= letters ? text : `${life.name.slice(0, letters - 1)}…`,
      ),
    );
  }
  return y + rows * ROW + (lives.length < all && rows < 2 ? ROW : 0) + 2;
}

/** The biggest arenas get a place; in a row one follows another. What finds none is not drawn. */
function pack(arenas: readonly Life[], end: number): Placed[] {
  const rows: { from: number; to: number }[][] = [];
  const placed: Placed[] = [];
  for (const life of arenas) {
    const from = life.from ?? 0;
    const to = Math.max(from, life.to ?? end);
    let row = rows.findIndex((taken) => taken.every((other) => to < other.from || from > other.to));
    if (row === -1) {
      if (rows.length === MAX_ARENA_ROWS) continue;
      row = rows.length;
      rows.push([]);
    }
    rows[row]?.push({ from, to });
    placed.push({ life, from, to, row });
  }
  return placed;
}
