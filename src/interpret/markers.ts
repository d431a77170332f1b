import type { Labels } from '../model/profile.js';
import type { TagLine } from './agent-line.js';

/** The labels that a marker frame gives. */
export type MarkerLabels = Pick<Labels, 'pool' | 'arena' | 'stage' | 'label' | 'arena_source'>;

/** What marker frames stand for, by thread. */
export interface MarkerTags {
  add(line: TagLine): void;
  labels(threadId: number, tag: number): MarkerLabels | undefined;
}

const MAX_TAGS = 1 << 18;

export function createMarkerTags(): MarkerTags {
  const known = new Map<string, MarkerLabels>();
  return {
    add({ threadId, tag, pool, arena, stage, label }) {
      if (known.size >= MAX_TAGS) return;
      known.set(`${threadId} ${tag}`, {
        ...(pool !== '' && { pool }),
        ...(arena !== '' && { arena }),
        ...(stage !== '' && { stage }),
        ...(label !== '' && { label }),
        ...(pool !== '' && { arena_source: 'marker' }),
      });
    },
    labels: (threadId, tag) => known.get(`${threadId} ${tag}`),
  };
}
