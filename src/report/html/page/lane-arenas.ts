import { formatBytes } from '../../../model/units.js';
import type { Life } from '../page-data.js';
import { hashColour, isDark } from './colours.js';
import { s } from './dom.js';
import { label, ROW, type View } from './lanes.js';
import { formatSeconds } from './time-format.js';

const MAX_ROWS = 10;
/** Of a letter, so that no name is wider than its bar. */
const LETTER_PIXELS = 6.2;

interface Placed {
  readonly life: Life;
  readonly from: number;
  readonly to: number;
  readonly row: number;
}

/** The biggest arenas get a place; in a row one follows another. What finds none is not drawn. */
export function pack(arenas: readonly Life[], end: number): Placed[] {
  const rows: { from: number; to: number }[][] = [];
  const placed: Placed[] = [];
  for (const life of arenas) {
    const { from } = life;
    const to = Math.max(from, life.isHeld ? end : (life.heldTo ?? life.to ?? end));
    let row = rows.findIndex((taken) => taken.every((other) => to < other.from || from > other.to));
    if (row === -1) {
      if (rows.length === MAX_ROWS) continue;
      row = rows.length;
      rows.push([]);
    }
    rows[row]?.push({ from, to });
    placed.push({ life, from, to, row });
  }
  return placed;
}

/** From when to when arenas were there, a bar each; hatched, what is left of one after its release. Returns where the next lane begins. */
export function arenaLane(lane: SVGElement, view: View, lives: readonly Placed[], all: number, y: number): number {
  lane.append(label('arenas', y + 11), hatching());
  if (lives.length < all) lane.append(label(`${lives.length} of ${all}`, y + 24));
  for (const placed of lives) lane.append(...bar(placed, view, y));
  const rows = Math.max(...lives.map(({ row }) => row)) + 1;
  return y + Math.max(rows, lives.length < all ? 2 : 1) * ROW + 2;
}

function bar({ life, from, to, row }: Placed, view: View, y: number): SVGElement[] {
  const x = Math.max(view.left, view.xOf(from));
  const end = Math.min(view.right, Math.max(x + 1.5, view.xOf(to)));
  if (end < view.left || x > view.right) return [];
  const place = { y: y + row * ROW, height: ROW - 3, rx: 2 };
  const fill = hashColour(life.pool, 45, isDark() ? 34 : 82);
  const parts: SVGElement[] = [s('rect', { x, width: end - x, ...place, fill }, s('title', {}, titleOf(life)))];
  const released = life.to === null ? end : Math.max(x, view.xOf(life.to));
  if (released < end) parts.push(s('rect', { x: released, width: end - released, ...place, class: 'held' }));
  const letters = Math.floor((end - x - 8) / LETTER_PIXELS);
  if (letters < 4) return parts;
  const text = `${life.name}  ${formatBytes(life.peakBytes)}`;
  const short = life.name.length <= letters ? life.name : `${life.name.slice(0, letters - 1)}…`;
  parts.push(s('text', { x: x + 4, y: place.y + 10, class: 'lane-text' }, text.length <= letters ? text : short));
  return parts;
}

function titleOf({ name, from, to, heldTo, isHeld, peakBytes }: Life): string {
  const until = to === null ? 'the end' : formatSeconds(to);
  const held = isHeld ? ', holds memory since' : heldTo === null ? '' : `, held memory to ${formatSeconds(heldTo)}`;
  return `${name}: ${formatSeconds(from)} to ${until}${held}, at most ${formatBytes(peakBytes)}`;
}

function hatching(): SVGElement {
  const line = s('path', { d: 'M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2', class: 'hatch' });
  return s('defs', {}, s('pattern', { id: 'held', width: 6, height: 6, patternUnits: 'userSpaceOnUse' }, line));
}
