import { formatBytes, formatCount } from '../model/units.js';
import type { Summary } from '../schema/summary.js';
import type { Paint } from './options.js';
import { wrap } from './text-layout.js';

type Use = Summary['requests'][number];
type Growth = Use['growth'][number];

/** A straight line that explains less than this is no trend. */
const TREND_R2 = 0.7;
/** Growth over all requests that is worth a line. */
const WORTH_A_LINE_BYTES = 1 << 20;
const MAX_POOLS = 3;
const OF = { rss: 'RSS', malloc: 'malloc in use', pool: 'pool' } as const;

/** What requests took, and what grew with them. Empty where none was counted. */
export function requestLines({ requests, processes }: Summary, paint: Paint): string[] {
  if (requests.length === 0) return [];
  return [
    paint.heading('Requests'),
    ...requests.flatMap((use) => {
      const process = processes.length > 1 ? `[${use.pid}] ` : '';
      const grown = use.growth
        .filter((growth) => isTrend(growth, use))
        .sort((a, b) => b.bytesPerRequest - a.bytesPerRequest);
      const pools = grown.filter(({ of }) => of === 'pool').slice(0, MAX_POOLS);
      return [
        `  ${process}${formatCount(use.requests)} answered${grown.length === 0 ? steady(use) : ''}`,
        ...[...grown.filter(({ of }) => of !== 'pool'), ...pools].flatMap((growth) =>
          wrap(growthText(growth), '! ', '  ').map((line) => paint.warning(line)),
        ),
      ];
    }),
  ];
}

function steady({ growth }: Use): string {
  return growth.length === 0 ? ', too few to tell growth' : ', and nothing grew with them';
}

function isTrend({ bytesPerRequest, r2 }: Growth, { requests }: Use): boolean {
  return r2 >= TREND_R2 && bytesPerRequest * requests >= WORTH_A_LINE_BYTES;
}

function growthText({ of, pool, bytesPerRequest, r2 }: Growth): string {
  const whose = pool === undefined ? OF[of] : `${OF[of]} ${pool}`;
  return `${whose} grows by ~ ${formatBytes(bytesPerRequest)} a request (R² ${r2.toFixed(2)})`;
}
