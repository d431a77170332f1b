import type { Notice } from './profile.js';

/** Collects notices. One that comes again from other threads or processes is kept once, with how often it came. */
export interface NoticeTally {
  add(notice: Notice): void;
  /** Whether one with this code and message is there. */
  has(notice: Notice): boolean;
  all(): Notice[];
}

export function createNoticeTally(): NoticeTally {
  const known = new Map<string, Notice>();
  const keyOf = ({ code, message }: Notice): string => `${code}\0${message}`;
  return {
    add(notice) {
      const before = known.get(keyOf(notice));
      known.set(keyOf(notice), before === undefined ? notice : merge(before, notice));
    },
    has: (notice) => known.has(keyOf(notice)),
    all: () => [...known.values()],
  };
}

/** The pid stays only where all came from one process. */
function merge({ code, message, pid, count = 1 }: Notice, next: Notice): Notice {
  const isSame = pid !== undefined && pid === next.pid;
  return { code, message, ...(isSame && { pid }), count: count + (next.count ?? 1) };
}

/** The message as people read it: `... (12 times)`. */
export function noticeText({ message, count = 1 }: { message: string; count?: number | undefined }): string {
  return count > 1 ? `${message} (${count} times)` : message;
}
