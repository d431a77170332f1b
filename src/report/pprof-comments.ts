import type { Moment, Notice, ProcessInfo, Profile, ValueType } from '../model/profile.js';
import { SAMPLE_TYPES } from '../model/profile.js';

const MOMENTS: readonly Moment[] = ['end', 'peak', 'timer', 'demand'];

/** What pprof has no field for, one `key: value` each. */
export function commentsOf(profile: Profile, memprofVersion: string): string[] {
  return [
    `memprof: ${memprofVersion}`,
    `moment: ${profile.moment}`,
    ...profile.processes.map((process) => `process: ${processText(process)}`),
    ...profile.unknown.map(({ heap, types }) => `unknown: ${heap} ${types.join(',')}`),
    ...profile.notices.map(({ code, message }) => `notice: ${code} ${message}`),
  ];
}

/** `pid=4711 parent=4700 name=node ...`: pprof shows comments to people. Counters and peaks stay in summary.json. */
function processText(process: ProcessInfo): string {
  const fields: readonly (readonly [key: string, value: string | number | undefined])[] = [
    ['pid', process.pid],
    ['parent', process.parentPid],
    ['name', process.name],
    ['node', process.nodeVersion],
    ['v8', process.v8Version],
    ['allocator', process.allocator],
    ['libc', process.libc],
    ['forked', process.forked ? 1 : undefined],
    ['native_mean', process.nativeMeanBytes],
    ['native_mean_at_end', process.nativeMeanAtEndBytes],
    ['v8_interval', process.v8IntervalBytes],
  ];
  return fields
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${encodeURI(String(value))}`]))
    .join(' ');
}

interface Comments {
  /** memprof wrote it, and not another tool. */
  readonly isOurs: boolean;
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
  let isOurs = false;
  for (const comment of comments) {
    const { key, value } = split(comment);
    const process = key === 'process' ? parseProcess(value) : undefined;
    const momentRead = key === 'moment' ? MOMENTS.find((known) => known === value) : undefined;
    if (process) processes.push(process);
    else if (momentRead) moment = momentRead;
    else if (key === 'unknown') unknown.push(parseUnknown(value));
    else if (key === 'notice') notices.push(parseNotice(value));
    else if (key === 'memprof') isOurs = true;
    else notices.push({ code: 'PPROF_COMMENT', message: comment });
  }
  const meanBytesOf = (heap: string, pid: number): number | undefined => {
    const process = processes.find((candidate) => candidate.pid === pid);
    return heap === 'v8' ? process?.v8IntervalBytes : process?.nativeMeanAtEndBytes;
  };
  return { isOurs, processes, moment, unknown, notices, meanBytesOf };
}

function split(comment: string): { key: string; value: string } {
  const colon = comment.indexOf(': ');
  return colon === -1 ? { key: '', value: comment } : { key: comment.slice(0, colon), value: comment.slice(colon + 2) };
}

/** undefined: somebody else's comment that starts like ours. */
function parseProcess(value: string): ProcessInfo | undefined {
  const fields = new Map(
    value.split(' ').map((field) => [field.split('=', 1)[0], field.slice(field.indexOf('=') + 1)]),
  );
  const number = (key: string): number => Number(fields.get(key) ?? 0) || 0;
  const text = (key: string): string => decode(fields.get(key) ?? '');
  if (!Number.isSafeInteger(Number(fields.get('pid'))) || !fields.has('name')) return undefined;
  return {
    pid: number('pid'),
    parentPid: number('parent'),
    name: text('name'),
    ...(fields.has('node') && { nodeVersion: text('node') }),
    ...(fields.has('v8') && { v8Version: text('v8') }),
    allocator: text('allocator'),
    libc: text('libc'),
    forked: number('forked') === 1,
    nativeMeanBytes: number('native_mean'),
    nativeMeanAtEndBytes: number('native_mean_at_end'),
    v8IntervalBytes: number('v8_interval'),
    counters: {},
    peakBytes: 0,
    peakTimeNs: 0n,
  };
}

function decode(text: string): string {
  try {
    return decodeURI(text);
  } catch {
    // A stray %: it was not encoded in the first place.
    return text;
  }
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
