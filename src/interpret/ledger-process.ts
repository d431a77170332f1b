import type { LedgerInputs, LedgerMoment } from '../model/ledger.js';
import { formatBytes } from '../model/units.js';
import { allocatorStatementAt } from './allocator-figures.js';
import { toUnixNs } from './clock.js';
import { inputsOfReading } from './ledger-inputs.js';
import { parseLedgerReading } from './ledger-reading.js';
import { ownersOfPieces, readSampledTables, type SampledTables, type SiteNamer } from './ledger-samples.js';
import { createV8UseReader } from './ledger-v8-use.js';
import type { LedgerRef, ProcessRecording, SnapshotRef } from './process-recording.js';
import { sampledLiveAt } from './sampled-live.js';

/** Tables that are kept: those around a reading, and around the next. */
const MAX_KNOWN = 4;
/** Readings are taken when RSS has grown by 5 %. */
const ABOUT_EQUAL = 0.95;

/** Reads the ledger readings of one process, with what the rest of its recording knows of them. */
export interface LedgerReader {
  /** In the order of time. */
  readonly refs: readonly LedgerRef[];
  /** Undefined where the chunk makes no sense. */
  read(ref: LedgerRef, moment: LedgerMoment): LedgerInputs | undefined;
  /** The reading of the highest RSS. */
  peak(): LedgerInputs | undefined;
  end(): LedgerInputs | undefined;
  /** @param timeNs since the Unix epoch. */
  nearest(timeNs: bigint): LedgerInputs | undefined;
}

/** @param nameSite says what malloc's blocks are for. */
export function createLedgerReader(recording: ProcessRecording, nameSite: SiteNamer): LedgerReader {
  const { ledgers: refs, identity, stream, header } = recording;
  const v8UseAt = createV8UseReader(recording);
  const known = new Map<SnapshotRef, SampledTables | undefined>();

  function tablesOf(snapshot: SnapshotRef): SampledTables | undefined {
    if (known.has(snapshot)) return known.get(snapshot);
    const payload = stream.read(snapshot.ref);
    const isGlibc = header?.allocator === 'glibc';
    const tables = payload && readSampledTables(payload, snapshot.timeNs, nameSite, isGlibc);
    // Readings follow each other: older ones are not asked for again.
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(snapshot, tables);
    return tables;
  }

  /** Of the snapshots just before and just after, the nearest first. */
  function tablesAt(timeNs: bigint): SampledTables[] {
    const before = recording.snapshots.findLast((snapshot) => snapshot.timeNs <= timeNs);
    const after = recording.snapshots.find((snapshot) => snapshot.timeNs > timeNs);
    const around = [before, after].filter((one) => one !== undefined);
    return byDistance(around, timeNs).flatMap((snapshot) => tablesOf(snapshot) ?? []);
  }

  function read(ref: LedgerRef, moment: LedgerMoment): LedgerInputs | undefined {
    const payload = stream.read(ref.ref);
    const reading = payload && parseLedgerReading(payload);
    if (reading === undefined) return undefined;
    const around = tablesAt(ref.timeNs);
    const [tables] = around;
    const v8Use = v8UseAt(ref.timeNs);
    const statement = allocatorStatementAt(recording, ref.timeNs);
    const unseen = reading.unseen.filter((code) => code !== 'v8' || v8Use === undefined);
    const inputs = inputsOfReading({ ...reading, unseen }, tables?.mapped);
    const missed = moment === 'end' ? endOf(recording, ref) : undefined;
    return {
      ...inputs,
      name: identity.name || inputs.name,
      moment,
      timeNs: toUnixNs(recording, ref.timeNs),
      ...(tables && {
        sampledLive: sampledLiveAt(tables.live, tables.timeNs, ref.timeNs, recording.gauges),
        liveOwners: tables.liveOwners,
        mappedOwners: ownersOfPieces(reading.pieces, around),
      }),
      ...(v8Use !== undefined && { v8Use }),
      ...(missed !== undefined && { beforeEndNs: missed.ns, unseen: [...inputs.unseen, missed.text] }),
      ...(statement !== undefined && { allocatorStatement: statement }),
    };
  }

  /** A chunk that makes no sense is passed over. */
  function firstOf(bestFirst: readonly LedgerRef[], moment: LedgerMoment): LedgerInputs | undefined {
    for (const ref of bestFirst) {
      const inputs = read(ref, moment);
      if (inputs !== undefined) return inputs;
    }
    return undefined;
  }

  return {
    refs,
    read,
    peak: () => firstOf(highestFirst(refs), 'peak'),
    end: () => firstOf([...refs].reverse(), 'end'),
    nearest: (timeNs) => firstOf(byDistance(refs, timeNs - toUnixNs(recording, 0n)), 'time'),
  };
}

/** An end that nobody announced (a signal, a crash), or that was too quick, is seen as it was at the last reading. */
function endOf(
  { header, gauges }: ProcessRecording,
  { reason, timeNs }: LedgerRef,
): { ns: number; text: string } | undefined {
  if (reason === 'end') return undefined;
  const frozenAtNs = header?.frozenAtNs ?? 0n;
  const endNs = frozenAtNs > 0n ? frozenAtNs : (gauges.at(-1)?.timeNs ?? timeNs);
  const ns = Math.max(0, Number(endNs - timeNs));
  const lastBytes = gauges.findLast((gauge) => gauge.rssBytes > 0)?.rssBytes;
  const rss = lastBytes === undefined ? '' : `; RSS was ${formatBytes(lastBytes)} when it was last seen`;
  return { ns, text: `the end itself: this is the last reading, ${(ns / 1e9).toFixed(1)} s before it${rss}` };
}

/** A process that was gone before it was read to the end lacks what another reading of about the same RSS has. */
function highestFirst(refs: readonly LedgerRef[]): LedgerRef[] {
  const most = refs.reduce((highest, { rssBytes }) => Math.max(highest, rssBytes), 0);
  const rank = ({ isCutShort, rssBytes }: LedgerRef): number =>
    !isCutShort && rssBytes >= ABOUT_EQUAL * most ? most + rssBytes : rssBytes;
  return [...refs].sort((a, b) => rank(b) - rank(a));
}

/** The nearest first; of two the later. */
function byDistance<T extends { readonly timeNs: bigint }>(all: readonly T[], timeNs: bigint): T[] {
  const distance = (one: T): number => Math.abs(Number(one.timeNs - timeNs));
  return [...all].sort((a, b) => distance(a) - distance(b) || Number(b.timeNs - a.timeNs));
}
