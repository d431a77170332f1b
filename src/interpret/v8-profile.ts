import type { Moment } from '../model/profile.js';
import { parseAgentLine, type V8ProfileLine } from './agent-line.js';
import { toUnixNs } from './clock.js';
import type { ProcessRecording } from './process-recording.js';

/** One call path of V8's sampler, its objects and bytes as V8 estimates them (unbiased). */
export interface V8Sample {
  readonly frames: readonly V8Frame[];
  readonly objects: number;
  readonly bytes: number;
  readonly objectsVariance: number;
  readonly bytesVariance: number;
  readonly observations: number;
}

/** `line` and `column` are those of the function's start, 1-based, 0 where unknown. */
export interface V8Frame {
  readonly name: string;
  readonly script: string;
  readonly line: number;
  readonly column: number;
}

type V8ProfileRef = ProcessRecording['v8Profiles'][number];

/** The profile of each thread that shows a moment best: of its own reason, else the one nearest in time. */
export function v8ProfilesAt(recording: ProcessRecording, moment: Moment, timeNs: bigint): V8ProfileLine[] {
  const threads = new Set(recording.v8Profiles.map((profile) => profile.threadId));
  return [...threads].flatMap((threadId) => {
    const profiles = recording.v8Profiles.filter((profile) => profile.threadId === threadId);
    const chosen = choose(profiles, moment, toUnixNs(recording, timeNs));
    const payload = chosen === undefined ? undefined : recording.stream.read(chosen.ref);
    const line = payload === undefined ? undefined : parseAgentLine(payload);
    return line?.type === 'v8profile' ? [line] : [];
  });
}

function choose(profiles: readonly V8ProfileRef[], moment: Moment, timeUnixNs: bigint): V8ProfileRef | undefined {
  if (moment === 'end') return profiles.findLast((profile) => profile.reason === 'exit') ?? profiles.at(-1);
  if (moment !== 'peak') return profiles.findLast((profile) => profile.reason === moment) ?? profiles.at(-1);
  const distance = (profile: V8ProfileRef): bigint => {
    const gap = profile.timeUnixNs - timeUnixNs;
    return gap < 0n ? -gap : gap;
  };
  return profiles.reduce<V8ProfileRef | undefined>(
    (best, profile) => (best === undefined || distance(profile) < distance(best) ? profile : best),
    undefined,
  );
}

/** Equal for frames that are one function. */
export function v8FrameKey({ name, script, line, column }: V8Frame): string {
  return `${script}\0${line}\0${column}\0${name}`;
}

/** The frames of a profile's nodes, by their numbers; equal ones are one object. */
export function v8FramesOf(profile: V8ProfileLine): V8Frame[] {
  const known = new Map<string, V8Frame>();
  return profile.nodes.map((node) => {
    const [, name, script, , line, column] = node;
    const key = `${script} ${line} ${column} ${name}`;
    const frame = known.get(key) ?? frameOf(profile, node);
    known.set(key, frame);
    return frame;
  });
}

function frameOf(
  { strings }: V8ProfileLine,
  [, name, script, , line, column]: V8ProfileLine['nodes'][number],
): V8Frame {
  return { name: strings[name] ?? '', script: strings[script] ?? '', line, column };
}

const ROOT = '(root)';
/** What @datadog/pprof adds from memoryUsage().external: the native sampler sees the same bytes with their stacks. */
const EXTERNAL = '(external)';

/**
 * Samples of a V8 profile, leaf first. V8 scales a node's counts by 1/p with p = 1 - exp(-size / interval): a count stands for
 * count * p observations, each with the variance (1-p)/p^2.
 */
export function v8Samples(profile: V8ProfileLine, dropExternal: boolean): V8Sample[] {
  const samples: V8Sample[] = [];
  const frameOfNode = v8FramesOf(profile);
  profile.nodes.forEach((node, index) => {
    const totals = sumAllocations(node[6], profile.intervalBytes);
    if (totals.objects === 0) return;
    const frames = framesOf(profile, frameOfNode, index);
    if (dropExternal && frames.some((frame) => frame.name === EXTERNAL)) return;
    samples.push({ ...totals, frames });
  });
  return samples;
}

function sumAllocations(allocations: readonly number[], intervalBytes: number): Omit<V8Sample, 'frames'> {
  const sum = { objects: 0, bytes: 0, objectsVariance: 0, bytesVariance: 0, observations: 0 };
  for (let at = 0; at + 1 < allocations.length; at += 2) {
    const size = allocations[at] ?? 0;
    const count = allocations[at + 1] ?? 0;
    if (!(size > 0 && count > 0)) continue;
    const p = -Math.expm1(-size / intervalBytes);
    const observed = Math.max(1, Math.round(count * p));
    const variance = (observed * (1 - p)) / (p * p);
    sum.objects += count;
    sum.bytes += count * size;
    sum.objectsVariance += variance;
    sum.bytesVariance += variance * size * size;
    sum.observations += observed;
  }
  return sum;
}

function framesOf(profile: V8ProfileLine, frameOfNode: readonly V8Frame[], leaf: number): V8Frame[] {
  const frames: V8Frame[] = [];
  for (let at = leaf; at >= 0; ) {
    const node = profile.nodes[at];
    const frame = frameOfNode[at];
    if (node === undefined || frame === undefined) break;
    const [parent] = node;
    if (frame.name !== ROOT || parent >= 0) frames.push(frame);
    // Parents come before their children; this also ends the walk, whatever a damaged line says.
    if (parent >= at) break;
    at = parent;
  }
  return frames;
}
