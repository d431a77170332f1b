/**
 * How many requests this thread has answered: those of Node's http server, counted by its diagnostics channel, and what the program counts
 * itself with `iteration()`. Lines with the number so far, at most twenty a second: what grows with requests leaks.
 */
import channels = require('node:diagnostics_channel');
import threads = require('node:worker_threads');

import type { LineFile, Requests } from './types.cjs';

const ANSWERED = 'http.server.response.finish';
const LEAST_GAP_NS = 50_000_000n;

// Kept from before the program can replace it.
const monotonicNs = process.hrtime.bigint;
const { threadId } = threads;

function countRequests(lines: LineFile): Requests {
  let count = 0;
  let written = 0;
  let dueNs = 0n;

  function flush(): void {
    if (count === written) return;
    written = count;
    lines.write('requests', { threadId, count });
  }

  function add(more: number): void {
    count += more;
    const nowNs = monotonicNs();
    if (nowNs < dueNs) return;
    dueNs = nowNs + LEAST_GAP_NS;
    flush();
  }

  channels.subscribe(ANSWERED, () => add(1));
  return { add, flush };
}

export = { countRequests };
