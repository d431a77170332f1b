import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createNoticeTally } from '../model/notices.js';
import { MAX_EVENT_BYTES } from '../recording/chunks.js';
import type { ManifestNotice } from '../recording/manifest.js';
import { readAgentFacts } from './agent-facts.js';
import { type AgentTail, followAgentFile } from './agent-lines.js';
import { readMarkOf, watchEnds } from './end-watch.js';
import { startGaugeWatch } from './gauge-watch.js';
import type { ProgramEnd } from './launch.js';
import { type ImageStatus, openProcessImage, type ProcessImage } from './process-image.js';
import { createSnapshotClock } from './snapshot-clock.js';

export interface DrainOptions {
  readonly runDirectory: string;
  readonly outputDirectory: string;
  readonly mainPid: number;
  readonly mainName: string;
  /** 0: no snapshots by time. */
  readonly snapshotEveryMs: number;
  readonly requestV8Profile: (reason: 'timer' | 'demand' | 'peak') => void;
  readonly onNotice: (notice: ManifestNotice) => void;
}

export interface DrainStatus extends ImageStatus {
  readonly processes: number;
}

/** Moves what the samplers write into the recording, until the program has ended. */
export interface Drain {
  /** Takes snapshots of all processes now, and asks their agents for V8 profiles. */
  snapshotOnDemand(): void;
  /** The main program has ended: takes what is left of it and of those that it started. */
  finish(end: ProgramEnd): Promise<void>;
  /** Of the last tick, over all processes. */
  status(): DrainStatus;
  files(): readonly string[];
  emptyProcesses(): number;
}

const TICK_MS = 100;
/**
 * Processes that outlive the main one get this long to end; then they are left running, unharmed and no longer sampled.
 */
const GRACE_MS = 1000;
const GRACE_TICK_MS = 20;

interface Followed {
  readonly tail: AgentTail;
  readonly path: string;
  readonly pid: number;
  image?: ProcessImage | undefined;
}

export function startDrain(options: DrainOptions): Drain {
  const images = new Map<string, ProcessImage>();
  const agents = new Map<string, Followed>();
  const files: string[] = [];
  const known = new Set<string>();
  const clock = createSnapshotClock(options.snapshotEveryMs);
  // Every worker of a pool says the same: told at the end, once.
  const agentNotices = createNoticeTally();
  let emptyProcesses = 0;
  let samplesOfEnded = 0;
  let overwrittenEvents = 0;
  let cappedEvents = 0;
  let refusal: unknown;

  function tick(isEnd = false): void {
    const entries = listRunDirectory();
    for (const { name, pid, ordinal, kind } of entries) {
      if (kind === 'store' && !known.has(name)) addImage(name, pid, ordinal, true);
    }
    for (const { name, pid, kind } of entries) {
      if (kind === 'agent' && !agents.has(name)) followAgent(name, pid);
    }
    for (const [name, agent] of agents) if (readAgent(agent) && agent.image) closeAgent(name, agent);
    const nowNs = process.hrtime.bigint();
    // Each on its own: a store that a crashing program has scribbled on must not cost the others theirs.
    for (const [key, image] of images) guarded(() => pollImage(key, image, nowNs));
    if (!isEnd) takeSnapshots(nowNs);
  }

  function pollImage(key: string, image: ProcessImage, nowNs: bigint): void {
    image.poll(nowNs);
    const mayEnd = image.pid !== options.mainPid || hasSuccessor(image);
    if (mayEnd && (image.isOver() || hasSuccessor(image))) {
      finishImage(key, image, { exitCode: null, signal: null }, true);
    }
  }

  function listRunDirectory(): { name: string; pid: number; ordinal: number; kind: 'store' | 'agent' }[] {
    let names: string[] = [];
    try {
      names = readdirSync(options.runDirectory);
    } catch (cause) {
      // Somebody cleaned /dev/shm. The stores that are open can still be read.
      notice(
        'RUN_DIRECTORY_GONE',
        `${options.runDirectory} was removed during the run; new processes are not recorded`,
      );
      refusal ??= cause;
    }
    return names
      .flatMap((name) => {
        const [, pid, ordinal, ending] = /^(\d+)\.(\d+)\.(store|agent\.jsonl)$/.exec(name) ?? [];
        if (ending === undefined) return [];
        return [
          { name, pid: Number(pid), ordinal: Number(ordinal), kind: ending === 'store' ? 'store' : 'agent' } as const,
        ];
      })
      .sort((a, b) => a.pid - b.pid || a.ordinal - b.ordinal);
  }

  function addImage(name: string, pid: number, ordinal: number, hasStore: boolean): ProcessImage | undefined {
    known.add(name);
    try {
      const image = openProcessImage({
        pid,
        ordinal,
        ...(hasStore && { storePath: join(options.runDirectory, name) }),
        outputDirectory: options.outputDirectory,
        name: pid === options.mainPid ? options.mainName : '',
        isMain: pid === options.mainPid,
        onRefused,
      });
      images.set(`${pid}.${ordinal}`, image);
      return image;
    } catch (cause) {
      notice('STORE_UNREADABLE', `process ${pid} is not recorded: ${(cause as Error).message}`, pid);
      return undefined;
    }
  }

  function followAgent(name: string, pid: number): void {
    try {
      const path = join(options.runDirectory, name);
      agents.set(name, { tail: followAgentFile(path), path, pid });
    } catch (cause) {
      notice('STORE_UNREADABLE', `the agent of process ${pid} is not recorded: ${(cause as Error).message}`, pid);
    }
  }

  /** Returns true when its thread has ended: a server may start thousands of workers, and files are few. */
  function readAgent(agent: Followed): boolean {
    let isOver = false;
    for (const line of agent.tail.readLines()) {
      const facts = readAgentFacts(line);
      if (facts?.notice) agentNotices.add({ ...facts.notice, pid: agent.pid });
      agent.image ??= imageOfAgent(agent.pid, facts?.timeUnixNs ?? 0n);
      agent.image?.addAgentLine(line);
      isOver ||= facts?.isLast ?? false;
    }
    return isOver;
  }

  function closeAgent(name: string, agent: Followed): void {
    agent.tail.close();
    agents.delete(name);
    rmSync(agent.path, { force: true });
  }

  /** The image that had started last when the agent said hello: a shell that exec'ed node has two. */
  function imageOfAgent(pid: number, timeUnixNs: bigint): ProcessImage | undefined {
    const candidates = [...images.values()].filter((image) => image.pid === pid);
    for (const image of candidates) if (image.startedUnixNs() === 0n) image.poll(process.hrtime.bigint());
    const started = candidates.filter((image) => image.startedUnixNs() <= timeUnixNs);
    return started.at(-1) ?? candidates.at(-1) ?? addImage(`${pid}.agent`, pid, 0, false);
  }

  const hasSuccessor = (image: ProcessImage): boolean => images.has(`${image.pid}.${image.ordinal + 1}`);

  function takeSnapshots(nowNs: bigint): void {
    if (clock.isTimerDue(nowNs)) {
      for (const image of images.values()) image.snapshot('timer');
      options.requestV8Profile('timer');
    }
    const peaking = [...images.values()].filter((image) => image.isAtNewPeak());
    if (peaking.length > 0 && clock.isPeakAllowed(nowNs)) {
      for (const image of peaking) image.snapshot('peak');
      clock.tookPeak(process.hrtime.bigint() - nowNs);
      if (clock.isV8PeakAllowed(nowNs)) options.requestV8Profile('peak');
    }
  }

  function finishImage(key: string, image: ProcessImage, end: ProgramEnd, complete: boolean): void {
    for (const [name, agent] of agents) {
      if (agent.pid !== image.pid || (agent.image !== undefined && agent.image !== image)) continue;
      readAgent(agent);
      if (agent.image !== image) continue;
      closeAgent(name, agent);
    }
    // Whatever a damaged store does to its last tables, the file is among those of the recording.
    guarded(() => image.finish({ ...end, complete }));
    if (image.isScribbled()) {
      const message = `process ${image.pid} wrote over the sampler's store: its figures are those from before`;
      notice('STORE_DAMAGED', message, image.pid);
    }
    images.delete(key);
    samplesOfEnded += image.status().samples;
    const lost = image.lostEvents();
    overwrittenEvents += lost.all - lost.capped;
    cappedEvents += lost.capped;
    const file = image.fileName();
    if (file === undefined) emptyProcesses++;
    else files.push(file);
    known.delete(`${key}.store`); // the pid may come back
    const store = join(options.runDirectory, `${key}.store`);
    for (const path of [store, readMarkOf(store)]) rmSync(path, { force: true });
  }

  function storeWritten(name: string): boolean {
    let isWaiting = false;
    // A process that ends before it was ever seen has a store, and no image yet.
    if (!known.has(name)) guarded(tick);
    guarded(() => {
      isWaiting = images.get(name.replace(/\.store$/, ''))?.readAtEnd() ?? false;
    });
    return isWaiting;
  }

  async function finish(end: ProgramEnd): Promise<void> {
    clearTimeout(timer);
    endWatch.close();
    gaugeWatch.stop();
    guarded(() => tick(true));
    for (const [key, image] of images) {
      if (image.pid === options.mainPid) guarded(() => finishImage(key, image, end, true));
    }
    const deadline = Date.now() + GRACE_MS;
    while (images.size > 0 && Date.now() < deadline) {
      await delay(GRACE_TICK_MS);
      guarded(() => tick(true));
    }
    const left = images.size;
    for (const [key, image] of images) {
      guarded(() => finishImage(key, image, { exitCode: null, signal: null }, false));
    }
    if (left > 0) {
      notice(
        'STILL_RUNNING',
        `${left} process(es) outlived the program: recorded up to now, and left running unsampled`,
      );
    }
    for (const one of agentNotices.all()) options.onNotice(one);
    if (overwrittenEvents > 0) {
      notice(
        'EVENTS_LOST',
        `${overwrittenEvents} events could not be read or written in time: the peak is that of snapshots`,
      );
    }
    if (cappedEvents > 0) {
      notice(
        'EVENTS_CAPPED',
        `a process has ${MAX_EVENT_BYTES >> 20} MiB of events, and ${cappedEvents} more are not recorded: the peak is that of snapshots`,
      );
    }
  }

  /** Whatever happens here, memprof must live to see the program's end and pass on its signals. */
  function guarded(work: () => void): void {
    try {
      work();
    } catch (cause) {
      notice('DRAIN_FAILED', `part of the recording is missing: ${(cause as Error).message}`);
    }
  }

  function onRefused(cause: unknown): void {
    if (refusal !== undefined) return;
    refusal = cause;
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    notice('OUTPUT_REFUSED', `part of the recording could not be written to ${options.outputDirectory}: ${reason}`);
  }

  const said = new Set<string>();
  function notice(code: string, message: string, pid?: number): void {
    if (said.has(code)) return;
    said.add(code);
    options.onNotice({ code, message, ...(pid !== undefined && { pid }) });
  }

  const endWatch = watchEnds(options.runDirectory, storeWritten);
  const gaugeWatch = startGaugeWatch(() => images.values(), guarded);
  let timer = setTimeout(function next() {
    guarded(tick);
    timer = setTimeout(next, TICK_MS);
  }, TICK_MS);

  return {
    snapshotOnDemand() {
      guarded(() => {
        for (const image of images.values()) image.snapshot('demand');
        options.requestV8Profile('demand');
      });
    },
    finish,
    status() {
      const all = [...images.values()].map((image) => image.status());
      const sum = (pick: (status: ImageStatus) => number): number => all.reduce((total, one) => total + pick(one), 0);
      return {
        rssBytes: sum((one) => one.rssBytes),
        liveBytes: sum((one) => one.liveBytes),
        committedBytes: sum((one) => one.committedBytes),
        samples: samplesOfEnded + sum((one) => one.samples),
        processes: all.length,
      };
    },
    files: () => files,
    emptyProcesses: () => emptyProcesses,
  };
}
