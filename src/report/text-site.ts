import { baseName, placeOf } from '../model/frames.js';
import type { SummaryRow, SummarySiteFrame } from '../schema/summary.js';
import { keepEnd, shorten, shortenName } from './format.js';

/** The program's own line first, then what it called. */
export function siteLines(row: Pick<SummaryRow, 'name' | 'user' | 'js' | 'callee'>): string[] {
  const frames = [row.user, row.js, row.callee].filter((frame) => frame !== undefined);
  return frames.length === 0
    ? [shorten(row.name, FRAME_WIDTH)]
    : frames.map((frame, i) => `${'  '.repeat(i)}${frameText(frame)}`);
}

const FRAME_WIDTH = 68;
const FRAME_NAME_WIDTH = 44;

function frameText({ name, module, ...at }: SummarySiteFrame): string {
  const place = placeOf(at) || baseName(module);
  if (!place) return shortenName(name, FRAME_WIDTH);
  // A place may take what the name leaves, and the other way round.
  const nameWidth = Math.max(FRAME_NAME_WIDTH, FRAME_WIDTH - 2 - place.length);
  const shortName = shortenName(name, nameWidth);
  return `${shortName}  ${keepEnd(place, FRAME_WIDTH - 2 - shortName.length)}`;
}
