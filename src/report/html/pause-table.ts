import { GC_KINDS, type GcPause } from '../../model/moments.js';
import type { Profile } from '../../model/profile.js';
import { formatCount, formatDuration } from '../../model/units.js';
import type { Cell, PageTable } from './page-data.js';

/** V8's pauses by process, thread and kind. */
export function pauseTable({ pauses }: Profile): PageTable {
  const groups = new Map<string, GcPause[]>();
  for (const pause of pauses) {
    const key = `${pause.pid} ${pause.threadId} ${GC_KINDS.indexOf(pause.kind)}`;
    const known = groups.get(key);
    if (known) known.push(pause);
    else groups.set(key, [pause]);
  }
  const titles = ['pauses', 'total', 'median', '99 %', 'longest'];
  return {
    title: 'Garbage collection',
    note: 'times that V8 stopped the JavaScript of a thread',
    columns: [
      { title: 'kind', isNumber: false },
      { title: 'thread', isNumber: false },
      ...titles.map((title) => ({ title, isNumber: true })),
      { title: 'most often because of', isNumber: false },
    ],
    rows: [...groups.values()].map((group) => {
      const [first] = group;
      const sorted = group.map(({ durationNs }) => durationNs).sort((a, b) => a - b);
      return [
        { text: first?.kind ?? '' },
        { text: first?.threadId === 0 ? 'main' : `worker ${first?.threadId}`, detail: `process ${first?.pid}` },
        { text: formatCount(group.length), sort: group.length },
        time(sorted.reduce((sum, ns) => sum + ns, 0)),
        time(quantile(sorted, 0.5)),
        time(quantile(sorted, 0.99)),
        time(sorted.at(-1) ?? 0),
        { text: commonest(group.map(({ cause }) => cause)) },
      ];
    }),
  };
}

const time = (ns: number): Cell => ({ text: formatDuration(BigInt(Math.round(ns))), sort: ns });

/** The smallest value that a share of all is not above. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

function commonest(texts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? '';
}
