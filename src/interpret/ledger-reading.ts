import {
  type ArenaRow,
  type HeapWalk,
  LEDGER_REASONS,
  type LedgerReading,
  type PieceRow,
  type RegionRow,
  UNSEEN,
  type UnseenCode,
} from '../recording/ledger.js';

const REGION_NUMBERS = 8;
const PIECE_NUMBERS = 4;
const ARENA_NUMBERS = 2;
const HEAP_FIELDS = [
  'start',
  'bytes',
  'arena',
  'liveBytes',
  'liveChunks',
  'freeBytes',
  'freePageBytes',
  'topBytes',
  'topPageBytes',
  'cachedBytes',
  'untouchedBytes',
  'unreachedBytes',
] as const;
const STATUS_FIELDS = ['rssBytes', 'highWaterBytes', 'swapBytes', 'pageTableBytes', 'hugetlbBytes', 'threads'] as const;

/** The payload of a LEDGER chunk; undefined if it makes no sense. Checked by hand: it may hold 60,000 rows. */
export function parseLedgerReading(payload: Buffer): LedgerReading | undefined {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined; // counted as a bad chunk by the caller
  }
  if (!isObject(value)) return undefined;
  const { reason, timeNs, pid, name, paths, regions, pieces, heaps, unseen, executable, status } = value;
  const numbers = [
    pid,
    value.pssBytes,
    value.durationNs,
    value.mallocNs,
    value.retries,
    value.rssBeforeBytes,
    value.rssAfterBytes,
  ];
  const isSane =
    LEDGER_REASONS.some((known) => known === reason) &&
    typeof timeNs === 'string' &&
    /^\d{1,19}$/.test(timeNs) &&
    typeof name === 'string' &&
    numbers.every(isAmount) &&
    Number.isSafeInteger(executable) &&
    hasAmounts(status, STATUS_FIELDS) &&
    Array.isArray(paths) &&
    paths.every((path) => typeof path === 'string') &&
    areRows<RegionRow>(regions, REGION_NUMBERS) &&
    areRows<PieceRow>(pieces, PIECE_NUMBERS) &&
    (heaps === undefined || (Array.isArray(heaps) && heaps.every((heap) => hasAmounts(heap, HEAP_FIELDS)))) &&
    (value.arenas === undefined || areRows<ArenaRow>(value.arenas, ARENA_NUMBERS)) &&
    Array.isArray(unseen);
  if (!isSane) return undefined;
  const known = (unseen as unknown[]).filter((code): code is UnseenCode => typeof code === 'string' && code in UNSEEN);
  return { ...(value as unknown as LedgerReading), unseen: known };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasAmounts(value: unknown, fields: readonly string[]): value is HeapWalk {
  return isObject(value) && fields.every((field) => isAmount(value[field]));
}

/** All but the path's index, which may be -1, are amounts. */
function areRows<Row extends readonly number[]>(value: unknown, length: number): value is Row[] {
  return (
    Array.isArray(value) &&
    value.every(
      (row) =>
        Array.isArray(row) && row.length === length && row.every((one, i) => isAmount(one) || (i === 3 && one === -1)),
    )
  );
}

/** Of larger ones the sums would not be exact. */
function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < 2 ** 48 && Number.isFinite(value);
}
