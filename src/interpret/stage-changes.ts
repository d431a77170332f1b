import { EVENT } from '../recording/wire.js';
import { eachEvent, u64 } from './event-record.js';
import type { Tables } from './tables.js';

/** A stage that began. CLOCK_MONOTONIC. */
export interface StageChange {
  readonly timeNs: number;
  readonly stage: string;
}

/** When the main thread entered which stage, as far as its samples tell. */
export interface StageFold {
  /** @param events whole event records, the tags in them being in the tables already. */
  add(events: Buffer, mainTid: number): void;
  /** At most `MAX_CHANGES`: where there are more, stages that begin soon after another are left out. */
  changes(): readonly StageChange[];
}

export const MAX_CHANGES = 500;
const FIRST_GAP_NS = 1e6;

export function createStageFold(tables: Tables): StageFold {
  const stages = new Map<number, string>();
  let changes: StageChange[] = [];
  let current = '';
  let lastTag = 0;
  let gapNs = FIRST_GAP_NS;

  function stageOf(tag: number): string {
    let stage = stages.get(tag);
    if (stage === undefined) {
      const record = tables.tag(tag);
      const own = record?.kind === 'context' ? tables.tag(record.stage) : record;
      stage = own?.kind === 'stage' ? own.name : '';
      stages.set(tag, stage);
    }
    return stage;
  }

  function enter(timeNs: number, stage: string): void {
    if (stage === current) return;
    current = stage;
    const last = changes.at(-1);
    if (stage === '' || (last !== undefined && timeNs - last.timeNs < gapNs)) return;
    changes.push({ timeNs, stage });
    while (changes.length > MAX_CHANGES) {
      gapNs *= 2;
      changes = apart(changes, gapNs);
    }
  }

  return {
    add(events, mainTid) {
      if (tables.tagCount() === 0) return;
      eachEvent(events, (view, at) => {
        const tag = view.getUint32(at + EVENT.tag, true);
        if (tag === lastTag || view.getUint32(at + EVENT.tid, true) !== mainTid) return;
        lastTag = tag;
        enter(u64(view, at + EVENT.timeNs), stageOf(tag));
      });
    },
    changes: () => changes,
  };
}

/** Those at least so far from the one kept before. */
function apart(changes: readonly StageChange[], gapNs: number): StageChange[] {
  const kept: StageChange[] = [];
  for (const change of changes) {
    const last = kept.at(-1);
    if (last === undefined || change.timeNs - last.timeNs >= gapNs) kept.push(change);
  }
  return kept;
}
