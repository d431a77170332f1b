/** A program that knows what it holds (native/test/programs/checkpoints.c), and how far a recording is from that. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { INUSE_OBJECTS, INUSE_SPACE, type Profile } from '../../src/model/profile.ts';

const SIZES = 12;
const RECORD_BYTES = 24;

/** Live blocks by size, as the program counted them. */
export interface Truth {
  readonly pid: number;
  readonly counts: readonly { readonly sizeBytes: number; readonly low: number; readonly high: number }[];
}

/** Undefined as long as the program has not started its work. */
export function readTruth(path: string): Truth | undefined {
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  const pid = bytes.length === 8 + SIZES * RECORD_BYTES ? Number(bytes.readBigUInt64LE(0)) : 0;
  if (pid === 0) return undefined;
  const counts = Array.from({ length: SIZES }, (_, i) => {
    const at = 8 + i * RECORD_BYTES;
    const live = Number(bytes.readBigUInt64LE(at + 8));
    // Killed inside a call: the block is there or not, and counted or not.
    const doubt = bytes.readBigUInt64LE(at + 16) === 0n ? 0 : 1;
    return { sizeBytes: Number(bytes.readBigUInt64LE(at)), low: Math.max(0, live - doubt), high: live + doubt };
  });
  return { pid, counts };
}

export async function waitForTruth(path: string): Promise<Truth> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const truth = readTruth(path);
    if (truth !== undefined) return truth;
    if (Date.now() > deadline) throw new Error(`no checkpoint in ${path}`);
    await delay(2);
  }
}

/** Fewer are too few to call their errors normal. */
const ENOUGH_VARIANCE = 4;

/**
 * Standardised errors of a profile, one for each size: of n live blocks k are in the sample, k is binomial with the probability that the
 * sampling mean gives, whatever the program did before and whenever it died.
 */
export function standardErrors(profile: Profile, truth: Truth, meanBytes: number): number[] {
  const objects = new Map<number, number>();
  for (const { labels, values } of profile.samples) {
    if (labels.pid !== truth.pid || labels.heap !== 'libc.malloc' || values[INUSE_OBJECTS] === 0) continue;
    const sizeBytes = Math.round(values[INUSE_SPACE] / values[INUSE_OBJECTS]);
    objects.set(sizeBytes, (objects.get(sizeBytes) ?? 0) + values[INUSE_OBJECTS]);
  }
  return truth.counts.flatMap(({ sizeBytes, low, high }) => {
    const p = -Math.expm1(-(sizeBytes + 1) / meanBytes);
    const sampled = (objects.get(sizeBytes) ?? 0) * p;
    const n = Math.min(high, Math.max(low, sampled / p));
    const variance = n * p * (1 - p);
    if (variance < ENOUGH_VARIANCE) return [];
    return [(sampled - n * p) / Math.sqrt(variance)];
  });
}

/** Mean and standard deviation, each with the room that chance takes in one of a million runs. */
export function pooled(errors: readonly number[]) {
  const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
  const deviation = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
  return {
    mean,
    deviation,
    largest: errors.reduce((largest, error) => Math.max(largest, Math.abs(error)), 0),
    meanRoom: 5 / Math.sqrt(errors.length),
    deviationRoom: 5 / Math.sqrt(2 * errors.length),
  };
}
