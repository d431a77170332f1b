import type { Labels } from '../model/profile.js';
import type { TagLine } from './agent-line.js';

/** The labels that a marker frame gives. */
export type MarkerLabels = Pick<Labels, 'pool' | 'arena' | 'stage' | 'label' | 'arena_source'>;

/** What marker frames stand for, by thread. */
export interface MarkerTags {
  add(line: TagLine): void;
  /** @param isAsync whether the marker was entered for a step of an async function. */
  labels(threadId: number, tag: number, isAsync: boolean): MarkerLabels | undefined;
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
    labels(threadId, tag, isAsync) {
      const labels = known.get(`${threadId} ${tag}`);
      return isAsync && labels?.arena_source !== undefined ? { ...labels, arena_source: 'async-marker' } : labels;
    },
  };
}
