import { z } from 'zod';
import type { Moment, Notice, ProcessInfo, Profile, ValueType } from '../model/profile.js';
import { SAMPLE_TYPES } from '../model/profile.js';

/** The part of a process that fits into a comment; counters and peaks stay in summary.json. */
const ProcessComment = z.object({
  pid: z.number(),
  parentPid: z.number(),
  name: z.string(),
  node: z.string().optional(),
  v8: z.string().optional(),
  allocator: z.string(),
  libc: z.string(),
  forked: z.boolean(),
  nativeMeanBytes: z.number(),
  nativeMeanAtEndBytes: z.number(),
  v8IntervalBytes: z.number(),
});

const MOMENTS: readonly Moment[] = ['end', 'peak', 'timer', 'demand'];

/** What pprof has no field for, one `key: value` each. */
export function commentsOf(profile: Profile, memprofVersion: string): string[] {
  return [
    `memprof: ${memprofVersion}`,
    `moment: ${profile.moment}`,
    ...profile.processes.map((process) => `process: ${JSON.stringify(processComment(process))}`),
    ...profile.unknown.map(({ heap, types }) => `unknown: ${heap} ${types.join(',')}`),
    ...profile.notices.map(({ code, message }) => `notice: ${code} ${message}`),
  ];
}

function processComment(process: ProcessInfo): z.input<typeof ProcessComment> {
  const { pid, parentPid, name, nodeVersion, v8Version, allocator, libc, forked } = process;
  const { nativeMeanBytes, nativeMeanAtEndBytes, v8IntervalBytes } = process;
  return {
    pid,
    parentPid,
    name,
    ...(nodeVersion !== undefined && { node: nodeVersion }),
    ...(v8Version !== undefined && { v8: v8Version }),
    allocator,
    libc,
    forked,
    nativeMeanBytes,
    nativeMeanAtEndBytes,
    v8IntervalBytes,
  };
}

interface Comments {
  readonly processes: readonly ProcessInfo[];
  readonly moment: Moment;
  readonly unknown: Profile['unknown'];
  readonly notices: readonly Notice[];
  /** Mean gap between samples of a heap in a process, bytes; undefined where no comment says it. */
  readonly meanBytesOf: (heap: string, pid: number) => number | undefined;
}

/** Reads `commentsOf` back. Comments of other tools, and those that do not parse, become notices: nothing is lost. */
export function commentReader(comments: readonly string[]): Comments {
  const processes: ProcessInfo[] = [];
  const unknown: { heap: string; types: ValueType['type'][] }[] = [];
  const notices: Notice[] = [];
  let moment: Moment = 'end';
  for (const comment of comments) {
    const { key, value } = split(comment);
    const process = key === 'process' ? parseProcess(value) : undefined;
    const momentRead = key === 'moment' ? MOMENTS.find((known) => known === value) : undefined;
    if (process) processes.push(process);
    else if (momentRead) moment = momentRead;
    else if (key === 'unknown') unknown.push(parseUnknown(value));
    else if (key === 'notice') notices.push(parseNotice(value));
    else if (key !== 'memprof') notices.push({ code: 'PPROF_COMMENT', message: comment });
  }
  const meanBytesOf = (heap: string, pid: number): number | undefined => {
    const process = processes.find((candidate) => candidate.pid === pid);
    return heap === 'v8' ? process?.v8IntervalBytes : process?.nativeMeanAtEndBytes;
  };
  return { processes, moment, unknown, notices, meanBytesOf };
}

function split(comment: string): { key: string; value: string } {
  const colon = comment.indexOf(': ');
  return colon === -1 ? { key: '', value: comment } : { key: comment.slice(0, colon), value: comment.slice(colon + 2) };
}

function parseProcess(value: string): ProcessInfo | undefined {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch {
    // Somebody else's comment that starts like ours: the caller keeps it as a notice.
    return undefined;
  }
  const parsed = ProcessComment.safeParse(json);
  if (!parsed.success) return undefined;
  const { node, v8, ...rest } = parsed.data;
  return {
    ...rest,
    ...(node !== undefined && { nodeVersion: node }),
    ...(v8 !== undefined && { v8Version: v8 }),
    counters: {},
    peakBytes: 0,
    peakTimeNs: 0n,
  };
}

function parseUnknown(value: string): { heap: string; types: ValueType['type'][] } {
  const blank = value.lastIndexOf(' ');
  const names = value.slice(blank + 1).split(',');
  return {
    heap: value.slice(0, blank),
    types: SAMPLE_TYPES.map(({ type }) => type).filter((type) => names.includes(type)),
  };
}

function parseNotice(value: string): Notice {
  const blank = value.indexOf(' ');
  return { code: value.slice(0, blank), message: value.slice(blank + 1) };
}
