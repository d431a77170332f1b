import type { Labels } from '../model/profile.js';
import { ARENA_MAIN, ARENA_MMAPPED, ARENA_UNKNOWN, HEAP, TAG_SOURCES } from '../recording/wire.js';
import type { ProcessRecording } from './process-recording.js';
import type { SiteRecord } from './snapshot.js';
import { createTagReader } from './tags.js';

/** Gives the labels of native sites of one process. */
export interface SiteLabeller {
  labels(site: SiteRecord | undefined): Labels;
}

const HEAP_NAMES: Readonly<Record<number, string>> = {
  [HEAP.malloc]: 'libc.malloc',
  [HEAP.mmap]: 'mmap',
  [HEAP.file]: 'mmap.file',
};

/** Arenas are numbered in the order of their first site: their addresses say nothing to people. */
export function createSiteLabeller({ identity, header, agentLines, tables }: ProcessRecording): SiteLabeller {
  const tags = createTagReader(tables);
  const workers = workerNames(agentLines);
  const arenaNumbers = new Map<bigint, number>();
  const known = new Map<string, Labels>();

  function arenaOf(site: SiteRecord): string | undefined {
    if (site.heap !== HEAP.malloc || header?.allocator !== 'glibc' || site.arena === ARENA_UNKNOWN) return undefined;
    if (site.arena === ARENA_MAIN) return 'glibc#0';
    if (site.arena === ARENA_MMAPPED) return 'glibc:mmapped';
    let number = arenaNumbers.get(site.arena);
    if (number === undefined) {
      number = arenaNumbers.size + 1;
      arenaNumbers.set(site.arena, number);
    }
    return `glibc#${number}`;
  }

  function heapOf(site: SiteRecord): string {
    if (site.heap !== HEAP.custom) return HEAP_NAMES[site.heap] ?? 'unknown';
    return `custom:${tags.heapName(Number(site.arena)) ?? 'unknown'}`;
  }

  /** What the program says comes before what the allocator says. */
  function placeOf(site: SiteRecord): Partial<Labels> {
    const context = tags.contextOf(site.tag);
    const source = TAG_SOURCES[site.tagSource] ?? 'none';
    if (context.pool !== undefined && source !== 'none') return { ...context, arena_source: source };
    const arena = arenaOf(site);
    return { ...(arena !== undefined && { arena, arena_source: 'allocator' }), ...context };
  }

  function labelsOf(site: SiteRecord | undefined): Labels {
    const base = { heap: site === undefined ? 'unknown' : heapOf(site), tier: 'host', pid: identity.pid } as const;
    if (site === undefined) return base;
    const thread = workers.get(site.tid) ?? threadName(site.tid, identity.pid, identity.threads);
    return {
      ...base,
      ...placeOf(site),
      ...(thread !== undefined && { thread }),
    };
  }

  return {
    labels(site) {
      // One object for equal labels: there are tens of thousands of sites and a few dozen of these.
      const key = site === undefined ? '' : `${site.heap} ${site.arena} ${site.tid} ${site.tag} ${site.tagSource}`;
      let labels = known.get(key);
      if (labels === undefined) {
        labels = labelsOf(site);
        known.set(key, labels);
      }
      return labels;
    },
  };
}

/** A worker thread has the same label in V8's samples and in native ones: the agent tells the kernel's id of each. */
function workerNames(lines: ProcessRecording['agentLines']): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of lines) {
    if (line.type === 'hello' && line.threadId > 0 && line.tid > 0) names.set(line.tid, `worker ${line.threadId}`);
  }
  return names;
}

function threadName(tid: number, pid: number, names: ReadonlyMap<number, string>): string | undefined {
  if (tid === 0) return undefined; // too many threads to tell apart
  if (tid === pid) return 'main';
  const name = names.get(tid);
  return name === undefined ? `tid ${tid}` : `${name} ${tid}`;
}
