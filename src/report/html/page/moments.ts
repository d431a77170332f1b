import type uPlot from 'uplot';
import type { PageProcess } from '../page-data.js';
import { themeColour } from './colours.js';
import { readingAt, type State } from './state.js';

/** Lines across the chart: the peak, events of the control group, the moment that was clicked; a tick for each reading of the ledger. */
export function drawMoments(u: uPlot, state: State, process: PageProcess): void {
  const { ctx, bbox } = u;
  const scale = devicePixelRatio;
  const xOf = (seconds: number): number => Math.round(u.valToPos(seconds, 'x', true));
  const isInside = (x: number): boolean => x >= bbox.left && x <= bbox.left + bbox.width;

  function line(seconds: number, colour: string, dash: number[], label: string): void {
    const x = xOf(seconds);
    if (!isInside(x)) return;
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1.5 * scale;
    ctx.setLineDash(dash.map((length) => length * scale));
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.setLineDash([]);
    if (label === '') return;
    ctx.fillStyle = colour;
    ctx.font = `${11 * scale}px system-ui, sans-serif`;
    const isLeft = x + 60 * scale > bbox.left + bbox.width;
    ctx.textAlign = isLeft ? 'right' : 'left';
    ctx.fillText(label, x + (isLeft ? -4 : 4) * scale, bbox.top + 10 * scale);
  }

  ctx.save();
  for (const { seconds, kind, name } of process.marks) {
    if (kind === 'peak') line(seconds, themeColour('muted'), [5, 4], 'peak');
    if (kind === 'cgroup-event') line(seconds, themeColour('bad'), [2, 2], name);
  }
  const chosen = process.ledgers.length > 0 ? readingAt(state)?.seconds : state.seconds;
  if (chosen !== undefined && state.process === process) line(chosen, themeColour('accent'), [], '');
  ctx.fillStyle = themeColour('accent');
  for (const { seconds } of process.ledgers) {
    const x = xOf(seconds);
    if (!isInside(x)) continue;
    const y = bbox.top + bbox.height;
    ctx.globalAlpha = 0.35;
    ctx.fillRect(x - scale / 2, bbox.top, scale, bbox.height);
    ctx.globalAlpha = 1;
    ctx.beginPath();
    ctx.moveTo(x - 3 * scale, y);
    ctx.lineTo(x + 3 * scale, y);
    ctx.lineTo(x, y - 6 * scale);
    ctx.fill();
  }
  ctx.restore();
}
