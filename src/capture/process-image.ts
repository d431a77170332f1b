import { closeSync, openSync } from 'node:fs';
import { CHUNK, MAX_EVENT_BYTES, type SnapshotReason } from '../recording/chunks.js';
import { EVENT, HEADER } from '../recording/wire.js';
import { createRingReader, type EventBatch } from './event-ring.js';
import { createImageGauges } from './image-gauges.js';
import { createLedgerLog } from './ledger-log.js';
import { mapsLargeFile, recordedLines } from './mapped-files.js';
import { readMaps, readStartTime, readThreadNames } from './proc.js';
import { createRecordingFile, type RecordingFile } from './recording-writer.js';
import { createRegionDrain } from './region-drain.js';
import { takeSnapshot } from './snapshot.js';
import { freezeStore, readCounter, readHeader, readTotals, readU64, type StoreHeader } from './store-reader.js';

export interface ImageOptions {
  readonly pid: number;
  /** Counts the images that one pid has exec'ed. */
  readonly ordinal: number;
  /** Absent where only an agent reports. */
  readonly storePath?: string;
  readonly outputDirectory: string;
  readonly name: string;
  /** Recorded even without a sample. */
  readonly isMain: boolean;
  readonly onRefused: (cause: unknown) => void;
}

/** The latest numbers of an image, for the live figures. */
export interface ImageStatus {
  readonly rssBytes: number;
  readonly liveBytes: number;
  readonly committedBytes: number;
  readonly samples: number;
}

/** One process image on its way from the store into its `.mpr` file. */
export interface ProcessImage {
  readonly pid: number;
  readonly ordinal: number;
  /** File name of the recording, or undefined as long as there is nothing worth recording. */
  fileName(): string | undefined;
  startedUnixNs(): bigint;
  /** Whether the process has ended or become another program. */
  isOver(): boolean;
  poll(nowNs: bigint): void;
  /** Its store was written to. True if it has announced its end: it was read, if it could be, and may go. */
  readAtEnd(): boolean;
  /** Takes a point of its resident and live bytes between two polls. Returns how far they have moved. */
  look(nowNs: bigint): number;
  addAgentLine(line: Buffer): void;
  snapshot(reason: SnapshotReason): void;
  /** Since the last peak snapshot, live and committed bytes have grown by more than the threshold. */
  isAtNewPeak(): boolean;
  /** Writes the last snapshot and the END chunk, and closes. `complete`: the process is dead or frozen. */
  finish(end: ImageEnd): void;
  status(): ImageStatus;
  /** The program has written over the store's header: what is recorded is from before. */
  isScribbled(): boolean;
  /** Events that are not in the recording, and how many of them because it holds `MAX_EVENT_BYTES` already. */
  lostEvents(): { readonly all: number; readonly capped: number };
}

export interface ImageEnd {
  readonly complete: boolean;
  readonly exitCode: number | null;
  readonly signal: string | null;
}

const PEAK_GROWTH = 1.05;
const PEAK_FLOOR_BYTES = 1 << 20;
/** Mappings below this do not make a process worth recording: every program has some. */
const WORTH_COMMITTED_BYTES = 1 << 20;
const HEADER_EVERY_NS = 10_000_000_000n;
const DETAILS_EVERY_NS = 1_000_000_000n;
/** A process that announced its end longer ago has given back much of what it had. */
const END_LOOK_NS = 10_000_000n;
/** So much earlier where a large file was mapped: at most five times a second. */
const HURRY_NS = 800_000_000n;

/** @throws the error of open(2) on the store. */
export function openProcessImage(options: ImageOptions): ProcessImage {
  const { pid, ordinal, storePath } = options;
  const fd = storePath === undefined ? undefined : openSync(storePath, 'r');
  const ring = fd === undefined ? undefined : createRingReader(fd);
  const ledgers = createLedgerLog(pid);
  const regions = fd === undefined ? undefined : createRegionDrain(fd);
  const startTime = readStartTime(pid);
  const maps = startTime === undefined ? undefined : readMaps(pid);
  // Alive, but this store is not mapped: the pid has exec'ed since, or belongs to another pid namespace. Then /proc
  // tells about somebody else.
  const isVisible = maps !== undefined && (storePath === undefined || maps.includes(`/${pid}.${ordinal}.store`));
  const gauges = createImageGauges(pid, isVisible, options.isMain);
  let file: RecordingFile | undefined;
  let header: StoreHeader | undefined;
  let isScribbled = false;
  let peakBytes = 0;
  let eventBytes = 0;
  let cappedEvents = 0;
  let identity = '';
  let mapsKey = '';
  let isHurried = false;
  let headerDueNs = 0n;
  let detailsDueNs = 0n;

  function refreshHeader(): void {
    const next = fd === undefined ? undefined : readHeader(fd);
    isScribbled ||= fd !== undefined && next === undefined && header !== undefined;
    header = next ?? header;
  }

  function ensureFile(): RecordingFile {
    file ??= createRecordingFile(options.outputDirectory, `${pid}.${ordinal}`, options.onRefused);
    return file;
  }

  function isWorthRecording(): boolean {
    if (file !== undefined || options.isMain) return true;
    if (header === undefined) return false;
    return readCounter(header, 'alloc_samples') > 0 || readU64(header, HEADER.committedBytes) >= WORTH_COMMITTED_BYTES;
  }

  function writeIdentity(out: RecordingFile): void {
    const comm = header?.bytes.toString('utf8', HEADER.comm, HEADER.comm + 16).replace(/\0.*$/s, '');
    const threads = isVisible ? readThreadNames(pid) : {};
    const text = JSON.stringify({
      pid,
      parentPid: header?.bytes.readUInt32LE(HEADER.parentPid) ?? 0,
      execOrdinal: ordinal,
      forked: (header?.bytes.readUInt32LE(HEADER.forked) ?? 0) !== 0,
      name: comm || options.name,
      threads,
    });
    // A dying process has no threads any more: keep what we knew.
    const knowsMore = Object.keys(threads).length > 0 || identity === '';
    if (text !== identity && knowsMore && out.append(CHUNK.process, [Buffer.from(text)])) identity = text;
  }

  function writeMaps(out: RecordingFile, nowNs: bigint): void {
    if (!isVisible || header === undefined) return;
    const key = `${header.regions.modules.used}/${readU64(header, HEADER.mapGeneration)}`;
    const text = key === mapsKey ? undefined : readMaps(pid);
    if (text === undefined) return;
    mapsKey = key;
    out.appendJson(CHUNK.maps, { timeNs: nowNs.toString(), text: recordedLines(text) });
  }

  function drainEvents(out: RecordingFile, from: StoreHeader, isEnd: boolean): void {
    for (const batch of ring?.read(from, isEnd) ?? []) writeEvents(out, batch);
  }

  function writeEvents(out: RecordingFile, batch: EventBatch): void {
    const head = Buffer.alloc(16);
    head.writeBigUInt64LE(BigInt(batch.first), 0);
    head.writeBigUInt64LE(BigInt(batch.lostBefore), 8);
    const fits = eventBytes + batch.records.length <= MAX_EVENT_BYTES;
    if (!fits) cappedEvents += batch.records.length / EVENT.bytes;
    if (fits && out.append(CHUNK.events, [head, batch.records])) eventBytes += batch.records.length;
    else ring?.lose(batch);
    if (isHurried || !mapsLargeFile(batch.records)) return;
    // Its name is to be had while it is mapped.
    isHurried = true;
    detailsDueNs -= HURRY_NS;
    mapsKey = '';
  }

  function drainStore(out: RecordingFile, nowNs: bigint, isEnd: boolean): void {
    refreshHeader();
    if (header === undefined) return;
    regions?.drain(out, header);
    drainEvents(out, header, isEnd);
    if (nowNs < headerDueNs) return;
    const loss = ring?.takeLoss();
    if (loss !== undefined) writeEvents(out, loss);
    if (out.append(CHUNK.header, [header.bytes])) headerDueNs = nowNs + HEADER_EVERY_NS;
  }

  function poll(nowNs: bigint): void {
    refreshHeader();
    if (!isWorthRecording()) return;
    const out = ensureFile();
    if (nowNs >= detailsDueNs) {
      detailsDueNs = nowNs + DETAILS_EVERY_NS;
      isHurried = false;
      writeIdentity(out);
      writeMaps(out, nowNs);
    }
    drainStore(out, nowNs, false);
    // Not at the next tick: a program that is done with its model soon unmaps it.
    if (isHurried && nowNs >= detailsDueNs) {
      detailsDueNs = nowNs + DETAILS_EVERY_NS;
      isHurried = false;
      writeMaps(out, nowNs);
    }
    look(nowNs);
    gauges.tick(nowNs);
    const rssBytes = gauges.memory()?.rssBytes;
    if (rssBytes !== undefined && !isFrozen()) ledgers.poll(out, nowNs, rssBytes);
    gauges.flush(out, nowNs, false);
  }

  function readAtEnd(): boolean {
    refreshHeader();
    const frozenAtNs = header?.bytes.readBigUInt64LE(HEADER.frozenAtNs) ?? 0n;
    if (frozenAtNs === 0n) return false;
    if (isVisible && isWorthRecording()) {
      const nowNs = process.hrtime.bigint();
      if (nowNs - frozenAtNs < END_LOOK_NS) {
        gauges.look(nowNs, { liveBytes: liveBytes(), committedBytes: committedBytes() });
      }
      ledgers.takeLast(ensureFile(), frozenAtNs, gauges.memory()?.rssBytes ?? 0);
    }
    return true;
  }

  function look(nowNs: bigint): number {
    if (file === undefined) return 0;
    const isReadable = fd !== undefined && header !== undefined && !isScribbled;
    const totals = isReadable ? readTotals(fd) : undefined;
    // From then on it takes itself apart: the series end with what it had.
    if (totals?.isFrozen) return 0;
    return gauges.look(nowNs, totals ?? { liveBytes: liveBytes(), committedBytes: committedBytes() });
  }

  function snapshot(reason: SnapshotReason, complete = false): void {
    if (fd === undefined || header === undefined || !isWorthRecording()) return;
    const out = ensureFile();
    const nowNs = process.hrtime.bigint();
    const taken = takeSnapshot(fd, readHeader(fd) ?? header, reason, complete, nowNs);
    // The regions after the tables, the chunk after the regions: whatever a site refers to is in the file before it.
    headerDueNs = 0n;
    drainStore(out, nowNs, complete);
    regions?.refreshTags(out, header);
    out.append(CHUNK.snapshot, taken.payload);
    if (reason === 'peak') peakBytes = liveBytes() + committedBytes();
  }

  function finish(end: ImageEnd): void {
    const nowNs = process.hrtime.bigint();
    poll(nowNs);
    if (file !== undefined) {
      writeIdentity(file);
      snapshot('end', end.complete);
      gauges.flush(file, nowNs, true);
      const { exitCode, signal } = end;
      const timeUnixNs = (BigInt(Date.now()) * 1_000_000n).toString();
      file.appendJson(CHUNK.end, { exitCode, signal, timeUnixNs, notices: [] });
      file.close();
    }
    gauges.close();
    if (fd !== undefined) closeSync(fd);
    if (!end.complete && storePath !== undefined) freezeStore(storePath, nowNs);
  }

  const isFrozen = (): boolean => header !== undefined && readU64(header, HEADER.frozenAtNs) !== 0;
  const liveBytes = (): number => (header === undefined ? 0 : readU64(header, HEADER.liveBytes));
  const committedBytes = (): number => (header === undefined ? 0 : readU64(header, HEADER.committedBytes));

  return {
    pid,
    ordinal,
    fileName: () => file?.name(),
    startedUnixNs: () => header?.bytes.readBigUInt64LE(HEADER.startedUnixNs) ?? 0n,
    isOver: () => startTime === undefined || readStartTime(pid) !== startTime,
    poll,
    readAtEnd,
    look,
    addAgentLine: (line) => void ensureFile().append(CHUNK.agent, [line]),
    snapshot,
    isAtNewPeak: () => liveBytes() + committedBytes() > Math.max(peakBytes * PEAK_GROWTH, peakBytes + PEAK_FLOOR_BYTES),
    finish,
    status: () => ({
      rssBytes: gauges.memory()?.rssBytes ?? 0,
      liveBytes: liveBytes(),
      committedBytes: committedBytes(),
      samples: header === undefined ? 0 : readCounter(header, 'alloc_samples'),
    }),
    isScribbled: () => isScribbled,
    lostEvents: () => ({ all: ring?.lostEvents() ?? 0, capped: cappedEvents }),
  };
}
