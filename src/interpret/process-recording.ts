import { CHUNK, GAUGE_POINT_BYTES, SNAPSHOT_HEADER_BYTES, SNAPSHOT_REASONS } from '../recording/chunks.js';
import { EVENT, HEADER_BYTES } from '../recording/wire.js';
import { type AgentLine, parseAgentLine, peekV8Profile, type RequestsLine, type V8ProfileHead } from './agent-line.js';
import { type ChunkRef, type ChunkStream, openChunkStream, type StreamEnd } from './chunk-stream.js';
import { type CollectionFold, createCollectionFold } from './collections.js';
import { type Header, readHeader } from './header.js';
import { type LoweredScript, loweredScript } from './lowered.js';
import { createMapLines, type MapLines } from './map-lines.js';
import { createMarkerTags, type MarkerTags } from './markers.js';
import { createUseFold, type UseFold } from './peak.js';
import { createSeriesTable, type SeriesTable } from './series.js';
import { createStageFold, type StageFold } from './stage-changes.js';
import { createTables, type Tables } from './tables.js';

export interface Identity {
  readonly pid: number;
  readonly parentPid: number;
  readonly forked: boolean;
  readonly name: string;
  readonly threads: ReadonlyMap<number, string>;
}

export interface SnapshotRef {
  readonly reason: (typeof SNAPSHOT_REASONS)[number];
  /** False: the process still ran. */
  readonly isComplete: boolean;
  /** CLOCK_MONOTONIC. */
  readonly timeNs: bigint;
  readonly ref: ChunkRef;
}

/** A ledger reading; `rssBytes` is the kernel's sum just before it. */
export interface LedgerRef {
  readonly reason: string;
  readonly timeNs: bigint;
  readonly rssBytes: number;
  /** The process was gone before malloc's part was read. */
  readonly isCutShort: boolean;
  readonly ref: ChunkRef;
}

/** Times are CLOCK_MONOTONIC. */
export interface GaugePoint {
  readonly timeNs: bigint;
  readonly rssBytes: number;
  readonly anonBytes: number;
  readonly liveBytes: number;
  readonly committedBytes: number;
}

/** An `.mpr` file after one walk through it: small things are in memory, large ones are known by their place. */
export interface ProcessRecording {
  readonly path: string;
  readonly stream: ChunkStream;
  readonly identity: Identity;
  readonly header: Header | undefined;
  readonly tables: Tables;
  readonly use: UseFold;
  readonly collections: CollectionFold;
  readonly stages: StageFold;
  readonly snapshots: readonly SnapshotRef[];
  readonly v8Profiles: readonly (V8ProfileHead & { readonly ref: ChunkRef })[];
  readonly agentLines: readonly OtherLine[];
  /** What marker frames stand for. */
  readonly markers: MarkerTags;
  /** Scripts that V8 was given in another form, by the names it has for them. */
  readonly lowered: ReadonlyMap<string, LoweredScript>;
  readonly mapLines: MapLines;
  readonly gauges: readonly GaugePoint[];
  /** What its threads answered, in the order in which they said so. */
  readonly requests: readonly RequestsLine[];
  readonly ledgers: readonly LedgerRef[];
  readonly series: SeriesTable;
  readonly symbols: ChunkRef | undefined;
  readonly eventChunks: readonly ChunkRef[];
  readonly lostEvents: number;
  readonly eventCount: number;
  readonly hasEnd: boolean;
  /** When it ended, ns since the Unix epoch; 0 if unknown. */
  readonly endUnixNs: bigint;
  /** Chunks that passed their checksum and still made no sense. */
  readonly badChunks: number;
  readonly end: StreamEnd;
}

type OtherLine = Exclude<AgentLine, { type: 'v8profile' | 'tag' | 'maps' | 'lowered' | 'requests' }>;

const MAX_GAUGE_POINTS = 200_000;
const MAX_AGENT_LINES = 10_000;
/** Fourteen hours of one thread that is busy all the time. */
const MAX_REQUEST_LINES = 1_000_000;
/** A reading says first what it is of. */
const LEDGER_HEAD_BYTES = 1024;
const LEDGER_CUT_SHORT = /"unseen":\[[^\]]*"ended"[^\]]*\]\}$/;
const LEDGER_HEAD = /^\{"reason":"([a-z]+)","timeNs":"(\d{1,19})".*?,"rssBeforeBytes":(\d{1,15}),/;

/**
 * Walks through one file. Memory grows with the tables and the number of sites, not with the length of the recording.
 * The caller closes `stream`.
 * @throws MemprofError of `openChunkStream`.
 */
export function readProcessRecording(path: string): ProcessRecording {
  const stream = openChunkStream(path);
  try {
    return walk(path, stream);
  } catch (error) {
    stream.close();
    throw error;
  }
}

function walk(path: string, stream: ChunkStream): ProcessRecording {
  const tables = createTables();
  const use = createUseFold();
  const collections = createCollectionFold();
  const stages = createStageFold(tables);
  const mapLines = createMapLines();
  const snapshots: SnapshotRef[] = [];
  const v8Profiles: (V8ProfileHead & { ref: ChunkRef })[] = [];
  const agentLines: OtherLine[] = [];
  const markers = createMarkerTags();
  const lowered = new Map<string, LoweredScript>();
  const gauges: GaugePoint[] = [];
  const requests: RequestsLine[] = [];
  const ledgers: LedgerRef[] = [];
  const series = createSeriesTable();
  let identity: Identity | undefined;
  let header: Header | undefined;
  let symbols: ChunkRef | undefined;
  const eventChunks: ChunkRef[] = [];
  let lostEvents = 0;
  let eventCount = 0;
  let hasEnd = false;
  let endUnixNs = 0n;
  let badChunks = 0;

  /** False if the chunk makes no sense. */
  function take(ref: ChunkRef, payload: Buffer): boolean {
    switch (ref.type) {
      case CHUNK.process: {
        const next = readIdentity(payload);
        if (next !== undefined) identity = mergeThreads(identity, next);
        return next !== undefined;
      }
      case CHUNK.header:
        if (payload.length < HEADER_BYTES) return false;
        header = readHeader(payload);
        return true;
      case CHUNK.region:
        return (
          payload.length >= 16 &&
          tables.append(payload.readUInt32LE(0), Number(payload.readBigUInt64LE(8)), payload.subarray(16))
        );
      case CHUNK.events: {
        if (payload.length < 16) return false;
        const lost = payload.readBigUInt64LE(8);
        if (lost > 2n ** 53n) return false;
        lostEvents += Number(lost);
        eventChunks.push(ref);
        const events = payload.subarray(16);
        eventCount += Math.floor(events.length / EVENT.bytes);
        use.add(events);
        collections.add(events);
        stages.add(events, identity?.pid ?? 0);
        return true;
      }
      case CHUNK.snapshot: {
        const reason = payload.length < SNAPSHOT_HEADER_BYTES ? undefined : SNAPSHOT_REASONS[payload.readUInt32LE(0)];
        if (reason === undefined) return false;
        snapshots.push({ reason, isComplete: payload.readUInt32LE(4) !== 0, timeNs: payload.readBigUInt64LE(8), ref });
        return true;
      }
      case CHUNK.agent: {
        const head = peekV8Profile(payload);
        if (head !== undefined) v8Profiles.push({ ...head, ref });
        const line = head === undefined ? parseAgentLine(payload) : undefined;
        if (line?.type === 'maps') mapLines.add(line.text);
        else if (line?.type === 'tag') markers.add(line);
        else if (line?.type === 'lowered') lowered.set(line.script, loweredScript(line));
        else if (line?.type === 'requests') {
          if (requests.length < MAX_REQUEST_LINES) requests.push(line);
        } else if (line !== undefined && line.type !== 'v8profile' && agentLines.length < MAX_AGENT_LINES) {
          agentLines.push(line);
        }
        return true;
      }
      case CHUNK.maps: {
        const text = parseObject(payload)?.text;
        if (typeof text !== 'string') return false;
        mapLines.add(text);
        return true;
      }
      case CHUNK.gauges:
        return readGauges(payload, gauges);
      case CHUNK.ledger: {
        const [, reason, timeNs, rss] = LEDGER_HEAD.exec(payload.toString('latin1', 0, LEDGER_HEAD_BYTES)) ?? [];
        if (reason === undefined || timeNs === undefined) return false;
        const isCutShort = LEDGER_CUT_SHORT.test(
          payload.toString('latin1', Math.max(0, payload.length - LEDGER_HEAD_BYTES)),
        );
        ledgers.push({ reason, timeNs: BigInt(timeNs), rssBytes: Number(rss), isCutShort, ref });
        return true;
      }
      case CHUNK.series:
        return series.add(payload);
      case CHUNK.symbols:
        symbols = ref;
        return true;
      case CHUNK.end:
        hasEnd = true;
        endUnixNs = readEndTime(payload);
        return true;
      default:
        return true; // of a later memprof
    }
  }

  const chunks = stream.chunks();
  let step = chunks.next();
  for (; !step.done; step = chunks.next()) {
    const payload = step.value.payload();
    if (payload === undefined || !take(step.value.ref, payload)) badChunks++;
  }
  return {
    path,
    stream,
    identity: identity ?? {
      pid: header?.pid ?? 0,
      parentPid: header?.parentPid ?? 0,
      forked: header?.forked ?? false,
      name: header?.comm ?? '',
      threads: new Map(),
    },
    header,
    tables,
    use,
    collections,
    stages,
    snapshots,
    v8Profiles,
    agentLines,
    markers,
    lowered,
    mapLines,
    gauges,
    requests,
    ledgers,
    series,
    symbols,
    eventChunks,
    lostEvents,
    eventCount,
    hasEnd,
    endUnixNs,
    badChunks,
    end: step.value,
  };
}

function parseObject(payload: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // counted as a bad chunk by the caller
  }
}

function readEndTime(payload: Buffer): bigint {
  const time = parseObject(payload)?.timeUnixNs;
  return typeof time === 'string' && /^\d{1,20}$/.test(time) ? BigInt(time) : 0n;
}

function readIdentity(payload: Buffer): Identity | undefined {
  const fields = parseObject(payload);
  if (fields === undefined) return undefined;
  const threads = new Map<number, string>();
  if (typeof fields.threads === 'object' && fields.threads !== null) {
    for (const [tid, name] of Object.entries(fields.threads)) {
      if (typeof name === 'string') threads.set(Number(tid), name);
    }
  }
  return {
    pid: wholeOr0(fields.pid),
    parentPid: wholeOr0(fields.parentPid),
    forked: fields.forked === true,
    name: typeof fields.name === 'string' ? fields.name : '',
    threads,
  };
}

/** Threads that have ended are no longer in the later list, but their samples are still there. */
function mergeThreads(before: Identity | undefined, after: Identity): Identity {
  return { ...after, threads: new Map([...(before?.threads ?? []), ...after.threads]) };
}

function wholeOr0(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

function readGauges(payload: Buffer, into: GaugePoint[]): boolean {
  if (payload.length < 8) return false;
  const u64 = (at: number): number => Number(payload.readBigUInt64LE(at));
  const said = payload.readBigUInt64LE(0);
  const possible = Math.floor((payload.length - 8) / GAUGE_POINT_BYTES);
  const count = said > BigInt(possible) ? possible : Number(said);
  for (let at = 8; at < 8 + count * GAUGE_POINT_BYTES; at += GAUGE_POINT_BYTES) {
    if (into.length >= MAX_GAUGE_POINTS) thin(into);
    into.push({
      timeNs: payload.readBigUInt64LE(at),
      rssBytes: u64(at + 8),
      anonBytes: u64(at + 16),
      liveBytes: u64(at + 40),
      committedBytes: u64(at + 48),
    });
  }
  return said <= BigInt(possible);
}

/** Halves a series that has become too long; of two points the larger stays, so that the peak does. */
function thin(points: GaugePoint[]): void {
  const kept = points.filter((point, i) => {
    const other = points[i ^ 1];
    return other === undefined || (i % 2 === 0 ? point.rssBytes >= other.rssBytes : point.rssBytes > other.rssBytes);
  });
  points.length = 0;
  for (const point of kept) points.push(point);
}
