import { makeLedger } from '../../../src/analyze/ledger.ts';
import type { LedgerInputs, LedgerPart } from '../../../src/model/ledger.ts';
import type { Profile } from '../../../src/model/profile.ts';
import type { TimedLedger } from '../../../src/report/options.ts';
import { js, makeProfile } from '../../helpers/profiles.ts';

const START = 1_760_000_000_000_000_000n;
const at = (seconds: number): bigint => START + BigInt(seconds * 1e9);

/** A profile with everything that is drawn over time. */
export function lively(): Profile {
  const series = (name: string, values: number[], more: object = {}) => ({
    name,
    unit: 'bytes' as const,
    pid: 4711,
    points: values.map((value, index) => ({ timeNs: at(index), value })),
    ...more,
  });
  return makeProfile(
    [
      {
        stack: [js('decode', '/app/decode.js', 3)],
        values: [2, 4_000_003, 1, 2_000_003],
        labels: { pool: 'kv-cache' },
      },
    ],
    {
      gauges: [
        series('rss', [50_000_017, 90_000_049, 80_000_023]),
        series('live', [5_000_011, 9_000_011, 7_000_003], { pool: 'kv-cache' }),
        series('live', [1_000_003, 2_000_003, 500_009], { pool: 'scratch' }),
        series('live', [5_000_011, 9_000_011, 7_000_003], { pool: 'kv-cache', arena: 'kv-cache#1' }),
      ],
      pauses: [
        { pid: 4711, threadId: 0, timeNs: at(1), durationNs: 12_500_000, kind: 'mark-compact', cause: 'forced' },
        { pid: 4711, threadId: 0, timeNs: at(1.5), durationNs: 250_000, kind: 'scavenge', cause: '' },
      ],
      collections: [
        {
          pid: 4711,
          threadId: 0,
          kind: 'mark-compact',
          pauses: 1,
          totalNs: 12_500_000,
          p50Ns: 12_500_000,
          p99Ns: 12_500_000,
          maxNs: 12_500_000,
          causes: { forced: 1 },
        },
      ],
      marks: [{ pid: 4711, timeNs: at(0.5), name: 'decode', kind: 'stage' }],
    },
  );
}

/** Three readings of its ledger: the highest in the middle, and what the parts do not explain. */
export function livelyLedgers(): TimedLedger[] {
  const part = (line: LedgerPart['line'], bytes: number, detail?: string): LedgerPart => ({
    line,
    bytes,
    certainty: 'measured',
    errorBytes: 0,
    source: 'smaps',
    ...(detail !== undefined && { detail }),
  });
  const reading = (seconds: number, mallocBytes: number, more: Partial<LedgerInputs> = {}): TimedLedger => {
    const parts = [part('binaries', 40_000_003, '/usr/bin/node'), part('malloc', mallocBytes), part('unknown', 10_007)];
    const rssBytes = 40_000_003 + mallocBytes + 10_007;
    const inputs: LedgerInputs = {
      pid: 4711,
      name: 'node',
      pssBytes: rssBytes,
      moment: 'time',
      timeNs: at(seconds),
      durationNs: 1000,
      retries: 0,
      parts,
      rssBytes,
      rssBeforeBytes: rssBytes,
      rssAfterBytes: rssBytes,
      statusRssBytes: rssBytes,
      highWaterBytes: rssBytes,
      apart: [{ name: 'page tables', bytes: 1_300_021, certainty: 'measured' }],
      unseen: [],
      ...more,
    };
    return { timeNs: inputs.timeNs, ledger: makeLedger(inputs) };
  };
  return [reading(0, 10_000_019), reading(1, 50_000_017), reading(2, 40_000_003, { unseen: ['v8'] })];
}

/** What a program could call its functions, files, pools, arenas and itself. */
export const HOSTILE = [
  '</script><script>document.title="owned"</script>',
  '<img src=x onerror="document.title=\'owned\'">',
  '{{data}}$&$`',
  '<!--<script>',
  '\u2028\u0000\u202e"\'\\',
] as const;

export function hostileProfile(): Profile {
  const samples = HOSTILE.map((name, index) => ({
    stack: [js(name, `/app/${name}.js`, 7), js(`${name} below`, name, 9)],
    values: [3, 3_000_017, 1, 1_000_003 * (index + 1)] as const,
    labels: { pool: name, arena: `${name}#1`, stage: name },
  }));
  const base = makeProfile(samples);
  const [process] = base.processes;
  return {
    ...base,
    ...(process && { processes: [{ ...process, name: HOSTILE[0] }] }),
    gauges: [
      {
        name: 'rss',
        unit: 'bytes',
        pid: 4711,
        points: [
          { timeNs: at(0), value: 1 },
          { timeNs: at(1), value: 2 },
        ],
      },
      ...HOSTILE.map((pool) => ({
        name: 'live',
        unit: 'bytes' as const,
        pid: 4711,
        pool,
        points: [{ timeNs: at(0), value: 1_000_003 }],
      })),
    ],
    marks: HOSTILE.map((name) => ({ pid: 4711, timeNs: at(0.5), name, kind: 'stage' as const })),
    notices: [{ code: 'X', message: HOSTILE[1] }],
  };
}
