import type { Notice } from '../model/profile.js';
import { formatCount } from '../model/units.js';
import type { ProcessRecording } from './process-recording.js';

type Counter = keyof NonNullable<ProcessRecording['header']>['counters'];

/** What people should know about a counter that is not 0. */
const COUNTER_TEXT: readonly (readonly [Counter, (count: number) => string])[] = [
  [
    'dropped_live',
    (n) =>
      `${counted(n, 'sample is', 'samples are')} missing from the in-use columns: the table of live samples was full`,
  ],
  ['dropped_sites', (n) => `${counted(n, 'sample is', 'samples are')} missing: the tables of call paths were full`],
  [
    'dropped_mappings',
    (n) => `${counted(n, 'change of a mapping is', 'changes of mappings are')} missing: mmap figures may be wrong`,
  ],
  ['dropped_nested', (n) => `${counted(n, 'sample was', 'samples were')} skipped inside signal handlers`],
  ['dropped_growth', (n) => `the store could not grow ${counted(n, 'time', 'times')}: tmpfs or memory was full`],
  [
    'truncated_stacks',
    (n) =>
      `${counted(n, 'stack is deeper than 255 frames: its root is', 'stacks are deeper than 255 frames: their roots are')} cut off`,
  ],
  [
    'broken_stacks',
    (n) => `${counted(n, 'stack does not reach the start of its', 'stacks do not reach the start of their')} thread`,
  ],
  [
    'dropped_tags',
    (n) =>
      `${counted(n, 'time', 'times')} the table of names had no room for a pool, a stage, labels or a combination: what is nearest is shown`,
  ],
  ['unknown_js_frames', (n) => `${counted(n, 'frame', 'frames')} in V8 code could not be decoded`],
  [
    'mean_raises',
    (n) =>
      `to keep the program fast, the mean between samples was doubled ${n === 1 ? 'once' : `${formatCount(n)} times`}: error bars are wider`,
  ],
];

/** `1 stack is`, `1,200 stacks are`. */
const counted = (count: number, one: string, many: string): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

/** Few broken stacks are usual (code without unwind tables); more than this share is worth a line. */
const WORTH_A_LINE: Partial<Record<Counter, number>> = { broken_stacks: 0.01, unknown_js_frames: 0.01 };

/**
 * What was lost in one process: counters of the sampler, damage of the file, warnings of the agent.
 * @param expectsNative native sampling was asked for.
 */
export function noticesOf(recording: ProcessRecording, expectsNative: boolean): Notice[] {
  const { pid } = recording.identity;
  const notices: Notice[] = [];
  const add = (code: string, message: string): void => void notices.push({ code, message, pid });
  const counters = recording.header?.counters;
  for (const [name, text] of COUNTER_TEXT) {
    const count = counters?.[name] ?? 0;
    const share = count / Math.max(1, counters?.alloc_samples ?? 0);
    if (count > 0 && share >= (WORTH_A_LINE[name] ?? 0)) add(name.toUpperCase(), text(count));
  }
  if (recording.header?.v8State === 2) {
    add(
      'V8_UNKNOWN',
      `V8 ${recording.header.v8Version} is unknown to this memprof: JavaScript frames show as [V8 code]`,
    );
  }
  if (recording.header?.v8State === 3) {
    add(
      'V8_NO_LINES',
      `V8 ${recording.header.v8Version} keeps the lines of calls where this memprof does not find them: JavaScript lines are where functions start`,
    );
  }
  if (recording.end.reason !== 'complete') {
    add(
      'RECORDING_TRUNCATED',
      `${recording.path} is ${recording.end.reason}: its last ${formatCount(recording.end.unreadBytes)} bytes were not read`,
    );
  }
  if (recording.badChunks > 0) {
    add(
      'CHUNKS_DAMAGED',
      `${formatCount(recording.badChunks)} chunks of ${recording.path} make no sense and are left out`,
    );
  }
  if (recording.header === undefined && expectsNative) {
    add('NO_STORE', 'no native samples of this process: its store was never read');
  }
  const silent = threadsWithoutProfile(recording);
  if (silent.has(0)) {
    add(
      'V8_NO_PROFILE',
      'no V8 objects: the process ended (a crash, a signal, exec) before a first V8 profile was written',
    );
  }
  const workers = silent.size - (silent.has(0) ? 1 : 0);
  if (workers > 0) {
    const message = `no V8 objects of ${counted(workers, 'worker: it', 'workers: they')} ended before a first V8 profile was written`;
    add('V8_NO_WORKER_PROFILE', message);
  }
  for (const line of recording.agentLines) {
    if (line.type === 'warning') add(line.code, line.message);
  }
  return notices;
}

/** Threads whose V8 sampler was on and left nothing. */
function threadsWithoutProfile({ agentLines, v8Profiles }: ProcessRecording): Set<number> {
  const threads = new Set<number>();
  for (const line of agentLines) if (line.type === 'hello' && line.v8Sampler === 'on') threads.add(line.threadId);
  for (const { threadId } of v8Profiles) threads.delete(threadId);
  return threads;
}
