import { formatCount } from '../../../model/units.js';
import type { Rate } from '../page-data.js';
import { lineColour } from './colours.js';
import { s } from './dom.js';
import type { View } from './lanes.js';

const HEIGHT = 18;

/** A small area for each counter: how fast it went up; its scale ends at the highest. Returns where the next lane begins. */
export function rateLanes(lane: SVGElement, view: View, rates: readonly Rate[], y: number): number {
  for (const [row, rate] of rates.entries()) {
    const bottom = y + row * (HEIGHT + 5) + HEIGHT;
    const most = Math.max(...rate.values);
    const clamp = (x: number): number => Math.min(view.right, Math.max(view.left, x));
    const steps = rate.values.map((value, at) => {
      const from = clamp(view.xOf(rate.start + at * rate.step));
      const to = clamp(view.xOf(rate.start + (at + 1) * rate.step));
      const top = bottom - (HEIGHT * value) / most;
      return `L${from.toFixed(1)},${top.toFixed(1)} L${to.toFixed(1)},${top.toFixed(1)}`;
    });
    const d = `M${view.left},${bottom} ${steps.join(' ')} L${view.right},${bottom} Z`;
    const highest = rate.isShare
      ? `${(100 * most).toFixed(1)} %`
      : `${most < 10 ? most.toPrecision(2) : formatCount(most)}/s`;
    lane.append(
      s('text', { x: 4, y: bottom - 5, class: 'lane-name' }, rate.title, s('title', {}, rate.hint)),
      s(
        'path',
        { d, fill: lineColour(rate.name, row + 4), class: 'rate' },
        s('title', {}, `${rate.hint}: ${highest} at most`),
      ),
      s('text', { x: view.left + 4, y: bottom - HEIGHT + 9, class: 'lane-name' }, `at most ${highest}`),
    );
  }
  return y + rates.length * (HEIGHT + 5);
}
