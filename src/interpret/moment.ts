import { EXIT, MemprofError } from '../errors.js';
import type { Moment, Notice } from '../model/profile.js';
import { formatCount } from '../model/units.js';
import type { Peak } from './peak.js';
import type { ProcessRecording, SnapshotRef } from './process-recording.js';
import type { SiteUse } from './site-use.js';
import { readSnapshot, type SiteRecord } from './snapshot.js';

/** What was in use at one moment of one process. */
export interface InUse {
  readonly sites: readonly SiteRecord[];
  readonly inUse: ReadonlyMap<number, SiteUse>;
  /** CLOCK_MONOTONIC; 0 if unknown. */
  readonly timeNs: bigint;
  readonly notices: readonly Notice[];
}

/**
 * Picks the tables that show a moment: `end` the last snapshot of the end, else the newest; `peak` the events, folded up to their
 * maximum; `timer` and `demand` the newest snapshot of that reason. Without a snapshot, `end` is what the events add up to.
 * @throws MemprofError NO_SUCH_MOMENT (exit code 2) if there is no snapshot of that reason.
 */
export function inUseAt(recording: ProcessRecording, moment: Moment): InUse {
  const { snapshots } = recording;
  const newest = snapshots.at(-1);
  if (moment === 'peak') return atPeak(recording, newest);
  if (moment === 'end') {
    const end = snapshots.findLast((snapshot) => snapshot.reason === 'end') ?? newest;
    return end === undefined ? fromEvents(recording) : fromSnapshot(recording, end);
  }
  const wanted = snapshots.findLast((snapshot) => snapshot.reason === moment);
  if (wanted === undefined) {
    throw new MemprofError(`${recording.path} has no snapshot of the kind '${moment}'`, {
      code: 'NO_SUCH_MOMENT',
      exitCode: EXIT.usage,
      hint: 'Ask for the end or the peak: every recording has those.',
    });
  }
  return fromSnapshot(recording, wanted);
}

/** How much was in use at the peak: from all events, or where some are missing from what the sampler counted at each poll. */
export function peakOf({ lostEvents, gauges, use }: ProcessRecording): Peak {
  const inEvents = use.peak();
  if (lostEvents === 0) return inEvents;
  return gauges.reduce<Peak>(
    (highest, { timeNs, liveBytes, committedBytes }) =>
      liveBytes + committedBytes > highest.bytes ? { bytes: liveBytes + committedBytes, timeNs } : highest,
    gauges.length > 0 ? { bytes: 0, timeNs: 0n } : inEvents,
  );
}

function atPeak(recording: ProcessRecording, newest: SnapshotRef | undefined): InUse {
  const { lostEvents } = recording;
  const notices: Notice[] = [];
  if (lostEvents > 0) {
    notices.push({
      code: 'PEAK_APPROXIMATE',
      message: `the peak is approximate: ${formatCount(lostEvents)} events are not in the recording`,
    });
  }
  if (recording.eventCount === 0 || lostEvents > 0) {
    // A sum over events drifts after a gap, and ends where they end; the last snapshot of this reason is of the largest total seen.
    const peak = recording.snapshots.findLast((snapshot) => snapshot.reason === 'peak');
    const shown = peak === undefined ? undefined : fromSnapshot(recording, peak);
    if (shown !== undefined) return { ...shown, notices: [...notices, ...shown.notices] };
  }
  // Sites are only added: the newest tables have those of every moment before.
  const sites = newest === undefined ? [] : sitesOf(recording, newest);
  return { sites, inUse: recording.use.atPeak(), timeNs: recording.use.peak().timeNs, notices };
}

function fromSnapshot(recording: ProcessRecording, snapshot: SnapshotRef): InUse {
  const payload = recording.stream.read(snapshot.ref);
  if (payload === undefined) return { ...fromEvents(recording), timeNs: snapshot.timeNs };
  const { sites, inUse, badRecords } = readSnapshot(payload);
  const notices: Notice[] = [];
  if (badRecords > 0) {
    notices.push({
      code: 'RECORDS_DAMAGED',
      message: `${badRecords} records of a snapshot make no sense and are left out`,
    });
  }
  if (snapshot.reason !== 'end' && !recording.hasEnd) {
    notices.push({
      code: 'NO_END',
      message:
        'the recording has no end (the run goes on, memprof was killed, or the file is cut off): the newest snapshot is shown',
    });
  }
  // The tables stand still from the announced end on, however long the process then takes to die.
  const frozenAtNs = recording.header?.frozenAtNs ?? 0n;
  const timeNs = snapshot.reason === 'end' && frozenAtNs > 0n ? frozenAtNs : snapshot.timeNs;
  return { sites, inUse, timeNs, notices };
}

function sitesOf(recording: ProcessRecording, snapshot: SnapshotRef): readonly SiteRecord[] {
  const payload = recording.stream.read(snapshot.ref);
  return payload === undefined ? [] : readSnapshot(payload).sites;
}

/** Killed before the first snapshot: bytes and times are known, call paths are not. */
function fromEvents(recording: ProcessRecording): InUse {
  const notices: Notice[] = [];
  if (recording.eventCount > 0) {
    notices.push({
      code: 'NO_SNAPSHOT',
      message: 'the recording ends before its first snapshot: bytes are shown without their call paths',
    });
  }
  return { sites: [], inUse: recording.use.atEnd(), timeNs: 0n, notices };
}
