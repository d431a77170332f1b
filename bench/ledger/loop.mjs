/**
 * What a ledger reading does to an event loop: `node loop.mjs TURNS`. Holds objects and Buffers, does a little work in each turn, and prints, as
 * JSON, its processor time, the longest turn and how many took more than 20 ms; time that the thread waited for a processor does not count.
 */
import { closeSync, openSync, readSync } from 'node:fs';

const STALL_NS = 20_000_000;
const turns = Number(process.argv[2]);
const schedstat = openSync('/proc/thread-self/schedstat', 'r');
const text = Buffer.alloc(128);
const held = Array.from({ length: 400_000 }, (_, i) => ({ i, pair: [i, i + 1] }));
const buffers = Array.from({ length: 64 }, () => Buffer.alloc(1_048_583, 1));

/** Nanoseconds that this thread could have run and did not. */
function waitedNs() {
  const length = readSync(schedstat, text, 0, text.length, 0);
  return Number(text.toString('latin1', 0, length).split(' ')[1]);
}

function work(turn) {
  for (let i = 0; i < 200; i++) held[(turn * 7919 + i) % held.length] = { i, pair: [turn, i] };
  buffers[turn % buffers.length] = Buffer.alloc(262_147, turn);
}

process.stdout.write('ready\n');
const before = process.cpuUsage();
let [longestNs, stalls, turn] = [0, 0, 0];
let waited = waitedNs();
let began = process.hrtime.bigint();

function next() {
  work(turn);
  const now = process.hrtime.bigint();
  const more = waitedNs();
  const tookNs = Number(now - began) - (more - waited);
  [waited, began] = [more, now];
  longestNs = Math.max(longestNs, tookNs);
  if (tookNs > STALL_NS) stalls++;
  if (++turn < turns) return void setImmediate(next);
  const { user, system } = process.cpuUsage(before);
  const loop = { longestMs: longestNs / 1e6, stalls, cpuMs: (user + system) / 1e3 };
  process.stdout.write(`${JSON.stringify({ loop, kept: held.length + buffers.length })}\n`);
  closeSync(schedstat);
}
next();
