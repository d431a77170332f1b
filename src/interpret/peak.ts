import { EVENT, EVENT_TYPE, HEAP } from '../recording/wire.js';

/** What is in use at one site, with its sampling variance. Mappings are exact. */
export interface SiteUse {
  objects: number;
  bytes: number;
  objectsVariance: number;
  bytesVariance: number;
  observations: number;
}

export interface Peak {
  readonly bytes: number;
  /** CLOCK_MONOTONIC. */
  readonly timeNs: bigint;
}

/** Follows what is in use at each site through the events of a process. */
export interface UseFold {
  /** @param events whole event records. */
  add(events: Buffer): void;
  peak(): Peak;
  /** By site number, as it was at the peak. */
  atPeak(): Map<number, SiteUse>;
  /** By site number, after the last event. */
  atEnd(): Map<number, SiteUse>;
}

interface SiteState {
  readonly now: SiteUse;
  /** How it was at the maximum number `savedEpoch`; with an older number, it has not changed since the maximum. */
  saved: SiteUse | undefined;
  savedEpoch: number;
}

const NOTHING: SiteUse = { objects: 0, bytes: 0, objectsVariance: 0, bytesVariance: 0, observations: 0 };

/**
 * The state at the exact maximum, in constant time per event: each new maximum of the total begins an epoch, and a site that
 * changes for the first time in an epoch first saves how it was at the maximum (copy on write). Nothing is copied at the maximum
 * itself, of which a growing program has one per allocation.
 */
export function createUseFold(): UseFold {
  const sites = new Map<number, SiteState>();
  let totalBytes = 0;
  let peakBytes = 0;
  let peakTimeNs = 0n;
  let epoch = 0;

  function apply(events: Buffer, at: number): void {
    const type = events.readUInt16LE(at + EVENT.type);
    const sign = signOf(type);
    if (sign === 0) return;
    const sizeBytes = Number(events.readBigUInt64LE(at + EVENT.size));
    const weightBytes = events.readDoubleLE(at + EVENT.weight);
    const isSampled = events.readUInt16LE(at + EVENT.heap) === HEAP.malloc;
    // A zero-byte block stands for itself with the weight of one byte; anything else in these fields was not written by us.
    if (isSampled && !(weightBytes >= Math.max(sizeBytes, 1) && weightBytes < 2 ** 63)) return;
    const number = events.readUInt32LE(at + EVENT.site);
    const site = sites.get(number) ?? addSite(number);
    if (site.savedEpoch !== epoch) {
      site.saved = { ...site.now };
      site.savedEpoch = epoch;
    }
    const before = site.now.bytes;
    if (isSampled) addSampled(site.now, sizeBytes, weightBytes, sign);
    else addExact(site.now, sizeBytes, sign);
    totalBytes += site.now.bytes - before;
    if (totalBytes > peakBytes) {
      peakBytes = totalBytes;
      peakTimeNs = events.readBigUInt64LE(at + EVENT.timeNs);
      epoch++;
    }
  }

  function addSite(number: number): SiteState {
    const site: SiteState = { now: { ...NOTHING }, saved: undefined, savedEpoch: -1 };
    sites.set(number, site);
    return site;
  }

  function collect(pick: (site: SiteState) => SiteUse | undefined): Map<number, SiteUse> {
    const result = new Map<number, SiteUse>();
    for (const [number, site] of sites) {
      const use = pick(site);
      if (use !== undefined && use.bytes > 0) result.set(number, use);
    }
    return result;
  }

  return {
    add(events) {
      for (let at = 0; at + EVENT.bytes <= events.length; at += EVENT.bytes) apply(events, at);
    },
    peak: () => ({ bytes: peakBytes, timeNs: peakTimeNs }),
    atPeak: () => collect((site) => (site.savedEpoch === epoch ? site.saved : site.now)),
    atEnd: () => collect((site) => site.now),
  };
}

function signOf(type: number): -1 | 0 | 1 {
  if (type === EVENT_TYPE.alloc || type === EVENT_TYPE.commit) return 1;
  return type === EVENT_TYPE.free || type === EVENT_TYPE.decommit ? -1 : 0;
}

/**
 * Adds a live sample, or takes it out again. With the probability p of being sampled, an allocation stands for 1/p objects and
 * size/p bytes, with the Horvitz-Thompson variances (1-p)/p^2 and (1-p)/p^2 * size^2.
 */
export function addSampled(use: SiteUse, sizeBytes: number, weightBytes: number, sign: 1 | -1): void {
  const p = Math.max(sizeBytes, 1) / weightBytes;
  const variance = (1 - p) / (p * p);
  use.observations += sign;
  // The last one out: no rest of rounding errors may stay behind.
  if (use.observations <= 0) {
    Object.assign(use, NOTHING);
    return;
  }
  use.objects += sign / p;
  use.bytes += (sign * sizeBytes) / p;
  use.objectsVariance = Math.max(0, use.objectsVariance + sign * variance);
  use.bytesVariance = Math.max(0, use.bytesVariance + sign * variance * sizeBytes * sizeBytes);
}

/** Pieces of a mapping may go one by one: bytes are exact, and while some are left there is at least one object. */
function addExact(use: SiteUse, sizeBytes: number, sign: 1 | -1): void {
  use.bytes = Math.max(0, use.bytes + sign * sizeBytes);
  use.objects = use.bytes === 0 ? 0 : Math.max(1, use.objects + sign);
}
