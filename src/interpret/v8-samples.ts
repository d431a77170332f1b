import type { ProfileBuilder } from '../model/builder.js';
import type { Labels, Moment, Notice } from '../model/profile.js';
import type { CodeFrame, FrameFacts, Recogniser } from '../model/recognise.js';
import { formatDuration } from '../model/units.js';
import type { V8ProfileLine } from './agent-line.js';
import { createStackCleaner } from './clean-stack.js';
import { toUnixNs } from './clock.js';
import type { OwnCode } from './own-code.js';
import type { ProcessRecording } from './process-recording.js';
import type { RuleLabeller } from './rule-labels.js';
import { scriptPath } from './script-path.js';
import type { SymbolIndex } from './symbols.js';
import { type V8Frame, v8ProfilesAt, v8Samples } from './v8-profile.js';

export interface V8SampleOptions {
  readonly moment: Moment;
  /** CLOCK_MONOTONIC. */
  readonly timeNs: bigint;
  readonly dropExternal: boolean;
  readonly symbols: SymbolIndex;
  readonly ownCode: OwnCode;
  readonly recogniser: Recogniser | undefined;
  readonly labelByRule: RuleLabeller;
}

/** The V8 side of one process, once its samples are in the profile. */
export interface V8Added {
  readonly hasSamples: boolean;
  /** 0 without samples. */
  readonly intervalBytes: number;
  readonly notices: readonly Notice[];
  /** Adds what V8's own pages hold beyond the sampled objects: free space, code, metadata. */
  addPages(committedBytes: number): void;
}

/** Free space, garbage, code, and what lives there without a sample: docs/explanation/v8-heap.md says so to people. */
const PAGES = '[V8 heap pages beyond sampled objects]';

/** Adds the objects on V8's heaps, all threads of the process. */
export function addV8Samples(
  builder: ProfileBuilder,
  recording: ProcessRecording,
  { moment, timeNs, dropExternal, symbols, ownCode, recogniser, labelByRule }: V8SampleOptions,
): V8Added {
  const { pid } = recording.identity;
  const base: Labels = { heap: 'v8', arena: 'v8', pool: 'v8', tier: 'host', pid, arena_source: 'v8' };
  const profiles = v8ProfilesAt(recording, moment, timeNs);
  const cleaner = createStackCleaner();
  let bytes = 0;
  let variance = 0;
  const locations = new Map<V8Frame, number>();
  const locationOf = (frame: V8Frame): number => {
    const location = locations.get(frame) ?? addFrame(builder, symbols, frame);
    locations.set(frame, location);
    return location;
  };
  const facts = new Map<V8Frame, FrameFacts>();
  const rulesOf = (frames: readonly V8Frame[]): readonly number[] =>
    recogniser?.path(
      frames.map((frame) => {
        const known = facts.get(frame) ?? recogniser.frame(codeFrame(symbols, frame));
        facts.set(frame, known);
        return known;
      }),
    ) ?? [];
  for (const profile of profiles) {
    const labels = { ...base, thread: profile.threadId === 0 ? 'main' : `worker ${profile.threadId}` };
    for (const sample of v8Samples(profile, dropExternal)) {
      // Counted against the pages like all objects, and then left out.
      bytes += sample.bytes;
      variance += sample.bytesVariance;
      const { frames, tag, isAsync } = cleaner.clean(sample.frames);
      if (ownCode.isOurs(frames)) continue;
      const marked = tag === undefined ? undefined : recording.markers.labels(profile.threadId, tag, isAsync);
      builder.addSample({
        stack: frames.map(locationOf),
        values: [0, 0, sample.objects, sample.bytes],
        variances: [0, 0, sample.objectsVariance, sample.bytesVariance],
        labels: labelByRule(marked === undefined ? labels : { ...labels, ...marked }, rulesOf(frames)),
        observations: sample.observations,
      });
    }
  }
  return {
    hasSamples: profiles.length > 0,
    intervalBytes: profiles[0]?.intervalBytes ?? 0,
    notices: profiles.flatMap((profile) => [
      ...staleness(recording, profile, timeNs),
      ...garbage(recording, profile, bytes),
    ]),
    addPages(committedBytes) {
      const rest = committedBytes - bytes;
      if (rest <= 0) return;
      const functionId = builder.addFunction({ name: PAGES, systemName: PAGES, file: '', startLine: 0 });
      const lines = [{ functionId, line: 0, column: 0 }];
      builder.addSample({
        stack: [builder.addLocation({ mappingId: 0, address: 0n, lines, kind: 'synthetic' })],
        values: [0, 0, 0, rest],
        // Exact minus estimate: as uncertain as the estimate.
        variances: [0, 0, 0, variance],
        labels: { ...base, arena: 'v8:pages' },
        observations: 0,
      });
    },
  };
}

const WORTH_A_LINE_NS = 1_000_000_000n;

/** Says when V8's objects are not those of the moment: its sampler is only read now and then. */
function staleness(recording: ProcessRecording, profile: V8ProfileLine, timeNs: bigint): Notice[] {
  if (timeNs === 0n) return [];
  const gapNs = toUnixNs(recording, timeNs) - BigInt(profile.timeUnixNs);
  const distanceNs = gapNs < 0n ? -gapNs : gapNs;
  if (distanceNs < WORTH_A_LINE_NS) return [];
  const thread = profile.threadId === 0 ? '' : ` of worker ${profile.threadId}`;
  const when = `${formatDuration(distanceNs)} ${gapNs > 0n ? 'before' : 'after'}`;
  const message = `V8's objects${thread} are shown as they were ${when} the moment of the rest`;
  return [{ code: 'V8_PROFILE_ELSEWHEN', message, pid: recording.identity.pid }];
}

const GARBAGE_WORTH_A_LINE_BYTES = 16 << 20;

/** The agent collects garbage first where it can afford to: at the end, and not in very large heaps. */
function garbage(recording: ProcessRecording, profile: V8ProfileLine, sampledBytes: number): Notice[] {
  if (profile.collected || sampledBytes < GARBAGE_WORTH_A_LINE_BYTES) return [];
  const message = "V8's objects include garbage that was not collected yet";
  return [{ code: 'V8_GARBAGE', message, pid: recording.identity.pid }];
}

function codeFrame(symbols: SymbolIndex, frame: V8Frame): CodeFrame {
  return { name: symbols.v8Function(frame)?.name ?? frame.name, module: '', script: scriptPath(frame.script) };
}

function addFrame(builder: ProfileBuilder, symbols: SymbolIndex, frame: V8Frame): number {
  const known = symbols.v8Function(frame);
  const { name, file, line, column } = known ?? {
    ...frame,
    name: frame.name || '(anonymous)',
    file: scriptPath(frame.script),
  };
  const functionId = builder.addFunction({ name, systemName: name, file, startLine: line });
  const lines = [{ functionId, line, column }];
  return builder.addLocation({ mappingId: 0, address: 0n, lines, kind: 'js' });
}
