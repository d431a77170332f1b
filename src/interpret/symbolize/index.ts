import type { Symbols } from '../../recording/chunks.js';
import { parseAgentLine } from '../agent-line.js';
import { indexModules } from '../modules.js';
import type { ProcessRecording } from '../process-recording.js';
import { type V8Frame, v8FrameKey, v8FramesOf } from '../v8-profile.js';
import { symbolizeJavaScript } from './javascript.js';
import { createNativeSymbolizer } from './native.js';
import { type NodeSources, nodeSources } from './node-sources.js';
import { readSource, type Source } from './source.js';

export interface SymbolizeOptions {
  /** The program's own Node may be started to ask it for its sources. Only where the program has just run. */
  readonly mayRunNode: boolean;
}

/** Names everything in one process's recording that this machine's files can name. */
export type Symbolize = (recording: ProcessRecording) => Symbols;

/** For the processes of one run: what they share is read and parsed once. */
export function createSymbolizer({ mayRunNode }: SymbolizeOptions): Symbolize {
  const symbolizeNative = createNativeSymbolizer();
  const readOnce = createSourceMemory();
  const nodes = new Map<string, NodeSources>();

  function sourcesOf(recording: ProcessRecording): NodeSources {
    const hello = recording.agentLines.find((line) => line.type === 'hello');
    const key = `${hello?.node} ${hello?.execPath}`;
    const node = hello && { version: hello.node, execPath: hello.execPath };
    const sources = nodes.get(key) ?? nodeSources(node, mayRunNode);
    nodes.set(key, sources);
    return sources;
  }

  return (recording) => {
    const { tables, header } = recording;
    const { words } = tables.frames();
    const startedAtMs = header === undefined ? Number.POSITIVE_INFINITY : Number(header.startedUnixNs / 1_000_000n) + 1;
    return {
      ...symbolizeNative(words, indexModules(tables), recording.mapLines),
      ...symbolizeJavaScript(words, tables, v8Frames(recording), {
        nodeSources: sourcesOf(recording),
        lowered: recording.lowered,
        readSource: (path) => readOnce(path, startedAtMs),
      }),
    };
  };
}

/** What was not changed since an earlier process began was not changed since a later one did. */
function createSourceMemory(): (path: string, notAfterMs: number) => Source | undefined {
  const known = new Map<string, { readonly notAfterMs: number; readonly source: Source }>();
  return (path, notAfterMs) => {
    const before = known.get(path);
    if (before !== undefined && before.notAfterMs <= notAfterMs) return before.source;
    const source = readSource(path, notAfterMs);
    if (source !== undefined) known.set(path, { notAfterMs, source });
    return source;
  };
}

/** The frames of all V8 profiles, each once. */
function v8Frames(recording: ProcessRecording): Iterable<V8Frame> {
  const frames = new Map<string, V8Frame>();
  for (const { ref } of recording.v8Profiles) {
    const payload = recording.stream.read(ref);
    const line = payload === undefined ? undefined : parseAgentLine(payload);
    if (line?.type !== 'v8profile') continue;
    for (const frame of new Set(v8FramesOf(line))) frames.set(v8FrameKey(frame), frame);
  }
  return frames.values();
}
