import { readFileSync } from 'node:fs';
import type { RecordingFile } from './recording-writer.js';
import { createSeriesLog } from './series-log.js';

/** On which NUMA nodes the memory of a process lies, over time. */
export interface NumaLog {
  tick(nowNs: bigint, rssBytes: number): void;
  flush(out: RecordingFile, nowNs: bigint, force: boolean): void;
}

const EVERY_NS = 10_000_000_000n;
/** Of memprof's processor time. */
const COST_FACTOR = 1000n;
/** While the kernel walks through a mapping nobody else in the process can map memory: 18 ms a GB. */
const MAX_RSS_BYTES = 2 ** 30;

/** Undefined where there is one node, as nearly everywhere: then there is nothing to tell. */
export function createNumaLog(pid: number, nodes = onlineNodes()): NumaLog | undefined {
  if (nodes.length < 2) return undefined;
  const log = createSeriesLog(nodes.map((node) => ({ name: `numa_${node}`, unit: 'bytes' })));
  let dueNs = 0n;
  return {
    tick(nowNs, rssBytes) {
      if (nowNs < dueNs || rssBytes > MAX_RSS_BYTES) return;
      const began = process.cpuUsage();
      const text = readText(`/proc/${pid}/numa_maps`);
      if (text !== '') {
        const byNode = parseNumaMaps(text);
        log.add(
          nowNs,
          nodes.map((node) => byNode.get(node) ?? 0),
        );
      }
      const { user, system } = process.cpuUsage(began);
      const costNs = COST_FACTOR * BigInt(1000 * (user + system));
      dueNs = nowNs + (costNs > EVERY_NS ? costNs : EVERY_NS);
    },
    flush: log.flush,
  };
}

/** Resident bytes by node; proc_pid_numa_maps(5). */
export function parseNumaMaps(text: string): Map<number, number> {
  const bytes = new Map<number, number>();
  for (const line of text.split('\n')) {
    const pageBytes = 1024 * Number(/ kernelpagesize_kB=(\d+)/.exec(line)?.[1] ?? 0);
    for (const [, node, pages] of line.matchAll(/ N(\d+)=(\d+)/g)) {
      bytes.set(Number(node), (bytes.get(Number(node)) ?? 0) + Number(pages) * pageBytes);
    }
  }
  return bytes;
}

/** Of a list such as '0-1,4'. */
export function parseNodes(list: string): number[] {
  return list
    .trim()
    .split(',')
    .flatMap((range) => {
      const [, first, last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(range) ?? [];
      if (first === undefined) return [];
      return Array.from({ length: Math.max(0, Number(last) - Number(first) + 1) }, (_, i) => Number(first) + i);
    });
}

let online: number[] | undefined;

function onlineNodes(): number[] {
  online ??= parseNodes(readText('/sys/devices/system/node/online'));
  return online;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // a kernel without NUMA, or the process is gone or may not be read
  }
}
