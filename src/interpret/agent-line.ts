/** Parent, name, script, script id, line, column, then sizes and counts in turn. */
type V8Node = [number, number, number, number, number, number, number[]];

export interface V8ProfileLine {
  readonly type: 'v8profile';
  readonly timeUnixNs: string;
  readonly threadId: number;
  readonly reason: string;
  readonly intervalBytes: number;
  readonly collected: boolean;
  readonly strings: string[];
  readonly nodes: V8Node[];
}

/** What another allocator than glibc's says of itself: `jemalloc stats.allocated 123 ...`. */
export interface AllocatorLine {
  readonly type: 'allocator';
  readonly timeUnixNs: string;
  readonly figures: string;
}

/** What a marker frame stands for: `memprof-tag:<tag>` in a stack of that thread. */
export interface TagLine {
  readonly type: 'tag';
  readonly threadId: number;
  readonly tag: number;
  /** '' where there is none. */
  readonly pool: string;
  readonly arena: string;
  readonly stage: string;
  readonly label: string;
}

/** A script that V8 was given in another form: --async-labels. */
export interface LoweredLine {
  readonly type: 'lowered';
  /** As V8 names it. */
  readonly script: string;
  /** Offset in the file, units taken away, units put in; and so on, ascending. */
  readonly edits: readonly number[];
}

/** How many requests a thread has answered by then. */
export interface RequestsLine {
  readonly type: 'requests';
  readonly timeUnixNs: string;
  readonly threadId: number;
  readonly count: number;
}

export type AgentLine =
  | {
      readonly type: 'hello';
      readonly threadId: number;
      readonly tid: number;
      readonly node: string;
      readonly v8: string;
      readonly execPath: string;
      readonly v8Sampler: string;
    }
  | { readonly type: 'warning'; readonly code: string; readonly message: string }
  | { readonly type: 'maps'; readonly text: string }
  | AllocatorLine
  | RequestsLine
  | TagLine
  | LoweredLine
  | V8ProfileLine;

type Fields = Readonly<Record<string, unknown>>;

/**
 * One line of the agent (docs/reference/recording.md); undefined if it is of a kind that we do not use, or is damaged. Checked by hand:
 * every run waits for this, a profile has thousands of nodes, and zod takes 45 ms to load.
 */
export function parseAgentLine(payload: Buffer): AgentLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined; // cut off when the process was killed: the format says that readers drop it
  }
  return typeof value === 'object' && value !== null ? readFields(value as Fields) : undefined;
}

function readFields(fields: Fields): AgentLine | undefined {
  const { type, code, message, text } = fields;
  switch (type) {
    case 'hello':
      return {
        type,
        threadId: isCount(fields.threadId) ? fields.threadId : 0,
        tid: isCount(fields.tid) ? fields.tid : 0,
        node: textOrNone(fields.node),
        v8: textOrNone(fields.v8),
        execPath: textOrNone(fields.execPath),
        v8Sampler: textOrNone(fields.v8Sampler),
      };
    case 'warning':
      return isText(code) && isText(message) ? { type, code, message } : undefined;
    case 'maps':
      return isText(text) ? { type, text } : undefined;
    case 'tag':
      return readTag(fields);
    case 'lowered': {
      const { script, edits } = fields;
      return isText(script) && Array.isArray(edits) && edits.every(isCount) ? { type, script, edits } : undefined;
    }
    case 'allocator': {
      const { timeUnixNs, figures } = fields;
      return isNanoseconds(timeUnixNs) && isText(figures) ? { type, timeUnixNs, figures } : undefined;
    }
    case 'requests': {
      const { timeUnixNs, threadId, count } = fields;
      return isNanoseconds(timeUnixNs) && isCount(threadId) && isCount(count)
        ? { type, timeUnixNs, threadId, count }
        : undefined;
    }
    case 'v8profile':
      return readV8Profile(fields);
    default:
      return undefined;
  }
}

function isNanoseconds(value: unknown): value is string {
  return isText(value) && /^\d{1,20}$/.test(value);
}

function readTag({ threadId, tag, pool, arena, stage, label }: Fields): TagLine | undefined {
  if (!isCount(threadId) || !isCount(tag)) return undefined;
  const names = {
    pool: textOrNone(pool),
    arena: textOrNone(arena),
    stage: textOrNone(stage),
    label: textOrNone(label),
  };
  return { type: 'tag', threadId, tag, ...names };
}

function readV8Profile({
  timeUnixNs,
  threadId,
  reason,
  intervalBytes,
  collected,
  strings,
  nodes,
}: Fields): V8ProfileLine | undefined {
  if (!isNanoseconds(timeUnixNs) || !isCount(threadId) || !isText(reason)) return undefined;
  if (!isAmount(intervalBytes) || intervalBytes <= 0) return undefined;
  if (!Array.isArray(strings) || !strings.every(isText) || !areV8Nodes(nodes)) return undefined;
  return {
    type: 'v8profile',
    timeUnixNs,
    threadId,
    reason,
    intervalBytes,
    collected: collected === true,
    strings,
    nodes,
  };
}

function areV8Nodes(value: unknown): value is V8Node[] {
  if (!Array.isArray(value)) return false;
  return value.every(
    (node) =>
      Array.isArray(node) &&
      node.length === 7 &&
      node.slice(0, 6).every(Number.isSafeInteger) &&
      Array.isArray(node[6]) &&
      node[6].every(isAmount),
  );
}

const isText = (value: unknown): value is string => typeof value === 'string';
const textOrNone = (value: unknown): string => (isText(value) ? value : '');
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
/** V8's counts need not be whole. Of larger ones the sums would be infinite, which no report can say. */
const isAmount = (value: unknown): value is number =>
  typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER;

/** What the head of a V8 profile says, without parsing megabytes of nodes. */
export interface V8ProfileHead {
  readonly timeUnixNs: bigint;
  readonly threadId: number;
  readonly reason: string;
}

const HEAD_BYTES = 512;

/** Undefined if the line is no V8 profile. The agent writes these fields first. */
export function peekV8Profile(payload: Buffer): V8ProfileHead | undefined {
  const head = payload.toString('utf8', 0, HEAD_BYTES);
  if (!/^\{"type":"v8profile"/.test(head)) return undefined;
  const time = /"timeUnixNs":"(\d{1,20})"/.exec(head)?.[1];
  const thread = /"threadId":(\d{1,9})/.exec(head)?.[1];
  const reason = /"reason":"([a-z-]+)"/.exec(head)?.[1];
  if (time === undefined || thread === undefined || reason === undefined) return undefined;
  return { timeUnixNs: BigInt(time), threadId: Number(thread), reason };
}
