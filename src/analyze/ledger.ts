import type {
  Certainty,
  Ledger,
  LedgerInputs,
  LedgerLine,
  LedgerLineName,
  LedgerPart,
  MallocUse,
} from '../model/ledger.js';
import { LEDGER_LINES } from '../model/ledger.js';
import { formatDuration } from '../model/units.js';
import { allocatorsOf } from './ledger-allocator.js';
import { checksOf } from './ledger-checks.js';
import { statedLive } from './ledger-other-allocator.js';
import { liveByOwner, mappedByOwner } from './ledger-owners.js';

/** Details of a line that are printed; the rest is added up. */
const MAX_DETAILS = 12;
const SUB_TITLES = {
  live: 'live: handed out and not given back',
  retained: 'retained: free, and kept by malloc',
  undivided: 'not divided',
  used: 'used by objects',
  rest: 'free, or not told by V8',
} as const;

/**
 * Adds up: lines that together are RSS, to the byte, with the signed residual as the last.
 */
export function makeLedger(inputs: LedgerInputs): Ledger {
  const byLine = groupBy(inputs.parts, (part) => part.line);
  const lines: LedgerLine[] = [];
  for (const name of Object.keys(LEDGER_LINES) as LedgerLineName[]) {
    const parts = byLine.get(name);
    if (parts !== undefined) lines.push(lineOf(name, parts, inputs));
  }
  const unknownBytes = sumOf(byLine.get('unknown') ?? []);
  const explained = lines.reduce((sum, line) => sum + line.bytes, 0);
  const residualBytes = inputs.rssBytes - explained;
  lines.push({
    name: 'residual',
    title: 'residual',
    bytes: residualBytes,
    certainty: 'unknown',
    errorBytes: 0,
    source: residualSource(unknownBytes, residualBytes - unknownBytes),
    parts: [],
  });
  const split = splitErrorOf(inputs);
  return {
    pid: inputs.pid,
    name: inputs.name,
    moment: inputs.moment,
    ...(inputs.sinceStartNs !== undefined && { sinceStartNs: inputs.sinceStartNs }),
    rssBytes: inputs.rssBytes,
    pssBytes: inputs.pssBytes,
    durationNs: inputs.durationNs,
    retries: inputs.retries,
    lines,
    residualBytes,
    ...(split && { splitErrorBytes: split.bytes, splitErrorSource: split.source }),
    skewBytes: inputs.rssAfterBytes - inputs.rssBeforeBytes,
    highWaterBytes: inputs.highWaterBytes,
    allocators: allocatorsOf(inputs),
    apart: inputs.apart,
    checks: checksOf(inputs, lines, { unknownBytes, residualBytes }),
    unseen: inputs.unseen,
  };
}

function residualSource(unknownBytes: number, restBytes: number): string {
  const unknown = unknownBytes === 0 ? '' : 'mappings without a known owner';
  const rest = restBytes === 0 ? '' : 'what changed while it was read';
  return [unknown, rest].filter((text) => text !== '').join(', ') || 'nothing is left over';
}

function lineOf(name: LedgerLineName, parts: readonly LedgerPart[], inputs: LedgerInputs): LedgerLine {
  const bytes = sumOf(parts);
  const line = {
    name,
    title: LEDGER_LINES[name],
    bytes,
    certainty: worstOf(parts),
    errorBytes: parts.reduce((sum, part) => sum + part.errorBytes, 0),
    source: [...new Set(parts.map((part) => part.source))].join(', '),
  };
  if (name === 'malloc') return { ...line, parts: byOwner(mallocParts(bytes, inputs), inputs) };
  if (name === 'mallocMapped') return { ...line, parts: mappedByOwner(bytes, inputs.mappedOwners ?? []) };
  if (name === 'allocator') return { ...line, parts: byOwner(allocatorParts(line, inputs), inputs) };
  if (name === 'v8Heap') return { ...line, parts: v8Parts(bytes, inputs) };
  return { ...line, parts: detailsOf(parts) };
}

/** What is live is divided further, where samples say what it is for. */
function byOwner(parts: readonly LedgerLine[], { liveOwners = [] }: LedgerInputs): LedgerLine[] {
  return parts.map((part) => (part.name === 'live' ? { ...part, parts: liveByOwner(part.bytes, liveOwners) } : part));
}

/** Live and retained, by malloc's own records where they were read, else by the samples. */
function mallocParts(bytes: number, inputs: LedgerInputs): LedgerLine[] {
  const { mallocUse, sampledLive } = inputs;
  if (mallocUse !== undefined) return walkedParts(bytes, mallocUse);
  if (sampledLive === undefined) return [];
  const live = Math.min(bytes, Math.max(0, sampledLive.bytes - mappedBytes(inputs)));
  const errorBytes = sampledLive.deviationBytes;
  return [
    subLine('live', live, 'samples', 'estimated', errorBytes),
    subLine('retained', bytes - live, 'the heaps less what is live', 'estimated', errorBytes),
  ];
}

/** Samples count blocks that were mapped on their own as well, touched or not. */
function mappedBytes({ parts, mappedAbsentBytes = 0 }: LedgerInputs): number {
  return sumOf(parts.filter((part) => part.line === 'mallocMapped')) + mappedAbsentBytes;
}

/** Of jemalloc and its like: blocks that were mapped on their own are in its heaps. More may be live than is resident: nobody touched it. */
function allocatorParts(whole: Pick<LedgerLine, 'bytes' | 'errorBytes'>, inputs: LedgerInputs): LedgerLine[] {
  const split = (liveBytes: number, source: string, errorBytes: number): LedgerLine[] => {
    const live = Math.min(whole.bytes, liveBytes);
    const restError = errorBytes + whole.errorBytes;
    const certainty = (error: number): Certainty => (error > 0 ? 'estimated' : 'measured');
    return [
      subLine('live', live, source, certainty(errorBytes), errorBytes),
      subLine('retained', whole.bytes - live, 'its heaps less what is live', certainty(restError), restError),
    ];
  };
  const stated = statedLive(inputs);
  if (stated !== undefined) return split(stated, 'its own statistics', 0);
  const { sampledLive } = inputs;
  return sampledLive === undefined ? [] : split(sampledLive.bytes, 'samples', sampledLive.deviationBytes);
}

function walkedParts(bytes: number, use: MallocUse): LedgerLine[] {
  const retained = use.freeBytes + use.topBytes + use.cachedBytes;
  // Chunks are counted to the byte, heaps in pages that moved meanwhile: what they differ by is nobody's.
  const rest = bytes - use.liveBytes - retained;
  const lines = [
    subLine('live', use.liveBytes, 'chunk headers', 'measured'),
    subLine('retained', retained, 'free chunks, ends of heaps, threads’ caches', 'measured'),
  ];
  if (rest !== 0) lines.push(subLine('undivided', rest, 'chunks that moved while they were read', 'unknown'));
  return lines;
}

function v8Parts(bytes: number, { v8Use }: LedgerInputs): LedgerLine[] {
  if (v8Use === undefined) return [];
  const used = Math.min(bytes, v8Use.usedBytes);
  const source = `heap statistics of ${v8Use.isolates} isolate(s), ${formatDuration(v8Use.ageNs)} away`;
  // Used is not below nothing, and not above what is resident.
  const errorBytes = Math.min(v8Use.errorBytes, Math.max(used, bytes - used));
  return [
    subLine('used', used, source, 'estimated', errorBytes),
    subLine('rest', bytes - used, 'the pages less what is used', 'estimated', errorBytes),
  ];
}

function subLine(
  name: keyof typeof SUB_TITLES,
  bytes: number,
  source: string,
  certainty: Certainty,
  errorBytes = 0,
): LedgerLine {
  return { name, title: SUB_TITLES[name], bytes, certainty, errorBytes, source, parts: [] };
}

/** A line by files or names, the largest first. */
function detailsOf(parts: readonly LedgerPart[]): LedgerLine[] {
  const byDetail = groupBy(parts, (part) => part.detail ?? '');
  if (byDetail.size < 2) return [];
  const all = [...byDetail]
    .map(([detail, own]) => ({
      name: 'other' as const,
      title: detail === '' ? 'other' : detail,
      bytes: sumOf(own),
      certainty: worstOf(own),
      errorBytes: own.reduce((sum, part) => sum + part.errorBytes, 0),
      source: '',
      parts: [],
    }))
    .sort((a, b) => b.bytes - a.bytes || (a.title < b.title ? -1 : 1));
  if (all.length <= MAX_DETAILS) return all;
  const folded = all.slice(MAX_DETAILS - 1);
  return [
    ...all.slice(0, MAX_DETAILS - 1),
    {
      name: 'other',
      title: `${folded.length} more`,
      bytes: folded.reduce((sum, line) => sum + line.bytes, 0),
      certainty: folded.every((line) => line.certainty === 'measured') ? 'measured' : 'estimated',
      errorBytes: folded.reduce((sum, line) => sum + line.errorBytes, 0),
      source: '',
      parts: [],
    },
  ];
}

/** What the split of malloc's heaps may be off: chunks that were not reached; else how far two ways to know it are apart. */
function splitErrorOf(inputs: LedgerInputs): { bytes: number; source: string } | undefined {
  const { mallocUse, sampledLive, parts } = inputs;
  const heaps = parts.filter((part) => part.line === 'malloc');
  const others = parts.filter((part) => part.line === 'allocator');
  if (mallocUse !== undefined && others.length === 0) {
    const divided = mallocUse.liveBytes + mallocUse.freeBytes + mallocUse.topBytes + mallocUse.cachedBytes;
    return { bytes: sumOf(heaps) - divided, source: 'bytes of heaps that the walk through their chunks did not reach' };
  }
  if (sampledLive === undefined) return undefined;
  const stated = statedLive(inputs);
  if (stated !== undefined) {
    return { bytes: sampledLive.bytes - stated, source: 'what samples say is live, less what the allocator says' };
  }
  const over = sampledLive.bytes - mappedBytes(inputs) - sumOf(heaps) - sumOf(others);
  return over > 0
    ? { bytes: over, source: 'samples say that more is live than the heaps have resident' }
    : { bytes: sampledLive.deviationBytes, source: 'standard deviation of the samples' };
}

function worstOf(parts: readonly LedgerPart[]): Certainty {
  if (parts.some((part) => part.certainty === 'unknown')) return 'unknown';
  return parts.some((part) => part.certainty === 'estimated') ? 'estimated' : 'measured';
}

function sumOf(parts: readonly LedgerPart[]): number {
  return parts.reduce((sum, part) => sum + part.bytes, 0);
}

/** Map.groupBy is not in Node 20. */
function groupBy<K>(parts: readonly LedgerPart[], keyOf: (part: LedgerPart) => K): Map<K, LedgerPart[]> {
  const groups = new Map<K, LedgerPart[]>();
  for (const part of parts) {
    const key = keyOf(part);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [part]);
    else group.push(part);
  }
  return groups;
}
