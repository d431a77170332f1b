import type { Profile } from '../../model/profile.js';
import { formatCount, formatDuration } from '../../model/units.js';
import type { Cell, PageTable } from './page-data.js';

/** V8's pauses by isolate and kind. */
export function pauseTable({ collections, processes }: Profile): PageTable {
  const titles = ['pauses', 'total', 'median', '99 %', 'longest'];
  return {
    title: 'Garbage collection',
    note: 'times that V8 stopped the JavaScript of a thread',
    columns: [
      { title: 'kind', isNumber: false },
      { title: 'thread', isNumber: false },
      ...titles.map((title) => ({ title, isNumber: true })),
      { title: 'because of', isNumber: false },
    ],
    rows: collections.map(({ pid, threadId, kind, pauses, totalNs, p50Ns, p99Ns, maxNs, causes }) => [
      { text: kind },
      { text: threadId === 0 ? 'main' : `worker ${threadId}`, detail: processes.length > 1 ? `process ${pid}` : '' },
      { text: formatCount(pauses), sort: pauses },
      time(totalNs),
      time(p50Ns),
      time(p99Ns),
      time(maxNs),
      { text: causesText(causes) },
    ]),
  };
}

const time = (ns: number): Cell => ({ text: formatDuration(BigInt(Math.round(ns))), sort: ns });

/** The commonest first. */
function causesText(causes: Readonly<Record<string, number>>): string {
  const named = Object.entries(causes).filter(([cause]) => cause !== '');
  return named
    .sort((a, b) => b[1] - a[1])
    .map(([cause, count]) => `${cause} (${formatCount(count)})`)
    .join(', ');
}
