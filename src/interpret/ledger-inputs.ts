import type { ApartLine, LedgerInputs, LedgerPart, MallocUse } from '../model/ledger.js';
import { type HeapWalk, type LedgerReading, PIECE_KINDS, REGION_FLAG, UNSEEN } from '../recording/ledger.js';
import { partsOfReading } from './ledger-parts.js';
import { arenasOf } from './malloc-arenas.js';
import type { AddressRange } from './snapshot-mappings.js';

/** A thread of the kernel's x86-64 and arm64 has a stack of this size, outside RSS. */
const KERNEL_STACK_BYTES = 16 << 10;

/**
 * What a reading tells, with the reading's own clock. What the recording knows besides (samples, V8's statistics) is added by the caller.
 * @param mapped what the program mapped itself, if its sampler saw it.
 */
export function inputsOfReading(reading: LedgerReading, mapped: readonly AddressRange[] = []): LedgerInputs {
  const { status, heaps } = reading;
  const parts = partsOfReading(reading, mapped);
  return {
    pid: reading.pid,
    name: reading.name,
    moment: reading.reason === 'outside' ? 'now' : 'end',
    timeNs: BigInt(reading.timeNs),
    durationNs: reading.durationNs,
    retries: reading.retries,
    parts,
    rssBytes: reading.regions.reduce((sum, region) => sum + region[4], 0),
    pssBytes: reading.pssBytes,
    rssBeforeBytes: reading.rssBeforeBytes,
    rssAfterBytes: reading.rssAfterBytes,
    statusRssBytes: status.rssBytes,
    highWaterBytes: status.highWaterBytes,
    ...(heaps !== undefined && { mallocUse: sumOfHeaps(heaps), mallocArenas: arenasOf(heaps, reading.arenas) }),
    mappedAbsentBytes: absentOf(reading.pieces),
    apart: apartOf(reading),
    unseen: unseenOf(reading, parts),
  };
}

/** One word for each cause: where the process was gone, its memory could not be read for that reason. */
function unseenOf({ unseen, reason }: LedgerReading, parts: readonly LedgerPart[]): string[] {
  const hasV8 = parts.some((part) => part.line.startsWith('v8'));
  const other = parts.find((part) => part.line === 'allocator')?.detail;
  const isOver = unseen.includes('ended');
  const codes = unseen.filter(
    (code) => (!isOver || (code !== 'memory' && code !== 'pagemap')) && (hasV8 || code !== 'v8'),
  );
  const texts = [...new Set(codes)].map((code): string => UNSEEN[code]);
  if (other === undefined || reason !== 'outside') return texts;
  return [...texts, `${other} was not asked (no injection): how much of its heaps is live is not known`];
}

function sumOfHeaps(heaps: readonly HeapWalk[]): MallocUse {
  const sum = (pick: (heap: HeapWalk) => number): number => heaps.reduce((total, heap) => total + pick(heap), 0);
  return {
    // A thread keeps blocks of any heap.
    liveBytes: sum((heap) => heap.liveBytes) - sum((heap) => heap.cachedBytes),
    freeBytes: sum((heap) => heap.freeBytes),
    topBytes: sum((heap) => heap.topBytes),
    cachedBytes: sum((heap) => heap.cachedBytes),
    unreachedBytes: sum((heap) => heap.unreachedBytes),
    untouchedBytes: sum((heap) => heap.untouchedBytes),
    liveChunks: sum((heap) => heap.liveChunks),
  };
}

function apartOf({ status, regions, heaps, pieces }: LedgerReading): ApartLine[] {
  const hugetlb = regions.filter((region) => (region[2] & REGION_FLAG.hugetlb) !== 0);
  return [
    ...(heaps === undefined ? [] : [untouchedOf(heaps, pieces, regions)]),
    { name: 'swapped out', bytes: regions.reduce((sum, region) => sum + region[6], 0), certainty: 'measured' },
    { name: 'page tables', bytes: status.pageTableBytes, certainty: 'measured' },
    { name: 'kernel stacks', bytes: status.threads * KERNEL_STACK_BYTES, certainty: 'estimated' },
    ...(hugetlb.length > 0 || status.hugetlbBytes > 0
      ? [{ name: 'huge pages of hugetlbfs', bytes: status.hugetlbBytes, certainty: 'measured' } as const]
      : []),
  ];
}

/** What was swapped out is not there either, and was touched; how much of it was in blocks that are free is not known. */
function untouchedOf(
  heaps: readonly HeapWalk[],
  pieces: LedgerReading['pieces'],
  regions: LedgerReading['regions'],
): ApartLine {
  const absent = heaps.reduce((sum, heap) => sum + heap.untouchedBytes, 0) + absentOf(pieces);
  const starts = [...heaps.map((heap) => heap.start), ...pieces.map(([start]) => start)];
  const swapped = regions
    .filter(([start, bytes, , , , , swap]) => swap > 0 && starts.some((at) => at >= start && at < start + bytes))
    .reduce((sum, region) => sum + region[6], 0);
  return {
    name: 'malloc: live and never touched',
    bytes: Math.max(0, absent - swapped),
    certainty: swapped > 0 ? 'estimated' : 'measured',
  };
}

function absentOf(pieces: LedgerReading['pieces']): number {
  const chunks = pieces.filter((piece) => PIECE_KINDS[piece[2]] === 'chunk');
  return chunks.reduce((sum, [, bytes, , rss]) => sum + bytes - rss, 0);
}
