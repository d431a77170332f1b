import type { LedgerInputs, LedgerMoment } from '../model/ledger.js';
import { formatBytes } from '../model/units.js';
import { allocatorStatementAt } from './allocator-figures.js';
import { toUnixNs } from './clock.js';
import { inputsOfReading } from './ledger-inputs.js';
import { parseLedgerReading } from './ledger-reading.js';
import { createV8UseReader } from './ledger-v8-use.js';
import type { LedgerRef, ProcessRecording, SnapshotRef } from './process-recording.js';
import { sampledLiveAt, sampledLiveOf } from './sampled-live.js';
import { type AddressRange, mappingsOf } from './snapshot-mappings.js';

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

/** What the sampler's tables say at a snapshot. */
interface SampledTables {
  readonly timeNs: bigint;
  readonly mapped: readonly AddressRange[];
  readonly live: NonNullable<LedgerInputs['sampledLive']>;
}

export function createLedgerReader(recording: ProcessRecording): LedgerReader {
  const { ledgers: refs, identity, stream } = recording;
  const v8UseAt = createV8UseReader(recording);
  let last: { snapshot: SnapshotRef; tables: SampledTables | undefined } | undefined;

  /** Those of one snapshot are kept: readings follow each other. */
  function tablesAt(timeNs: bigint): SampledTables | undefined {
    const [snapshot] = byDistance(recording.snapshots, timeNs);
    if (snapshot === undefined) return undefined;
    if (last?.snapshot !== snapshot) {
      const payload = stream.read(snapshot.ref);
      last = { snapshot, tables: payload && tablesOf(payload, snapshot) };
    }
    return last.tables;
  }

  function read(ref: LedgerRef, moment: LedgerMoment): LedgerInputs | undefined {
    const payload = stream.read(ref.ref);
    const reading = payload && parseLedgerReading(payload);
    if (reading === undefined) return undefined;
    const tables = tablesAt(ref.timeNs);
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
      ...(tables && { sampledLive: sampledLiveAt(tables.live, tables.timeNs, ref.timeNs, recording.gauges) }),
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
    peak: () =>
      firstOf(
        [...refs].sort((a, b) => b.rssBytes - a.rssBytes),
        'peak',
      ),
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

function tablesOf(payload: Buffer, { timeNs }: SnapshotRef): SampledTables {
  return { timeNs, mapped: mappingsOf(payload), live: sampledLiveOf(payload) };
}

/** The nearest first; of two the later. */
function byDistance<T extends { readonly timeNs: bigint }>(all: readonly T[], timeNs: bigint): T[] {
  const distance = (one: T): number => Math.abs(Number(one.timeNs - timeNs));
  return [...all].sort((a, b) => distance(a) - distance(b) || Number(b.timeNs - a.timeNs));
}
