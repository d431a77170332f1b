import { z } from '../schema/zod.js';

const whole = z.number().int();
const timeUnixNs = z.string().regex(/^\d{1,20}$/);

const hello = z.object({
  type: z.literal('hello'),
  threadId: whole.nonnegative().catch(0),
  tid: whole.nonnegative().catch(0),
  node: z.string().catch(''),
  v8: z.string().catch(''),
  execPath: z.string().catch(''),
  v8Sampler: z.string().catch(''),
});
const warning = z.object({ type: z.literal('warning'), code: z.string(), message: z.string() });
const maps = z.object({ type: z.literal('maps'), text: z.string() });

/** Parent, name, script, script id, line, column, then sizes and counts in turn. */
type V8Node = [number, number, number, number, number, number, number[]];

/** By hand: a profile has thousands of nodes, and every short run waits for this. */
function areV8Nodes(value: unknown): value is V8Node[] {
  if (!Array.isArray(value)) return false;
  return value.every(
    (node) =>
      Array.isArray(node) &&
      node.length === 7 &&
      node.slice(0, 6).every(Number.isSafeInteger) &&
      Array.isArray(node[6]) &&
      node[6].every(Number.isFinite),
  );
}

const v8profile = z.object({
  type: z.literal('v8profile'),
  timeUnixNs,
  threadId: whole.nonnegative(),
  reason: z.string(),
  intervalBytes: z.number().positive(),
  collected: z.boolean().catch(false),
  strings: z.array(z.string()),
  nodes: z.custom<V8Node[]>(areV8Nodes),
});
const line = z.discriminatedUnion('type', [hello, warning, maps, v8profile]);

export type AgentLine = z.infer<typeof line>;
export type V8ProfileLine = z.infer<typeof v8profile>;

/** One line of the agent (docs/reference/recording.md); undefined if it is of a kind that we do not use, or is damaged. */
export function parseAgentLine(payload: Buffer): AgentLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined; // cut off when the process was killed: the format says that readers drop it
  }
  return line.safeParse(value).data;
}

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
