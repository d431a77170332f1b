import type { Symbols } from '../../recording/chunks.js';
import { parseAgentLine } from '../agent-line.js';
import { indexModules } from '../modules.js';
import type { ProcessRecording } from '../process-recording.js';
import { type V8Frame, v8FrameKey, v8FramesOf } from '../v8-profile.js';
import { symbolizeJavaScript } from './javascript.js';
import { symbolizeNative } from './native.js';
import { nodeSources } from './node-sources.js';

export interface SymbolizeOptions {
  /** The program's own Node may be started to ask it for its sources. Only where the program has just run. */
  readonly mayRunNode: boolean;
}

/** Names everything in one process's recording that this machine's files can name. */
export function symbolize(recording: ProcessRecording, { mayRunNode }: SymbolizeOptions): Symbols {
  const { tables, header } = recording;
  const words = new Set<bigint>();
  for (let node = 1; node < tables.nodeCount(); node++) words.add(tables.frame(node));
  const hello = recording.agentLines.find((line) => line.type === 'hello');
  const node = hello && { version: hello.node, execPath: hello.execPath };
  const startedAtMs = header === undefined ? Number.POSITIVE_INFINITY : Number(header.startedUnixNs / 1_000_000n) + 1;
  return {
    ...symbolizeNative(words, indexModules(tables), recording.mapLines),
    ...symbolizeJavaScript(words, tables, v8Frames(recording), {
      startedAtMs,
      nodeSources: nodeSources(node, mayRunNode),
    }),
  };
}

/** The frames of all V8 profiles, each once. */
function v8Frames(recording: ProcessRecording): Iterable<V8Frame> {
  const frames = new Map<string, V8Frame>();
  for (const { ref } of recording.v8Profiles) {
    const payload = recording.stream.read(ref);
    const line = payload === undefined ? undefined : parseAgentLine(payload);
    if (line?.type !== 'v8profile') continue;
    for (const frame of v8FramesOf(line)) frames.set(v8FrameKey(frame), frame);
  }
  return frames.values();
}
