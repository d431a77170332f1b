/** What readings cost the program that is read: its processor time, and the longest that one of its operations took. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readLedger } from '../../dist/capture/ledger-reading.js';
import { compile } from '../lib/process.mjs';
import { comparison } from '../lib/report.mjs';
import { interleave } from '../lib/rounds.mjs';

/** How `memprof run` spaces its readings: at most twice a second, and at most 1 % of the time. */
const LEAST_GAP_MS = 500;
const COST_FACTOR = 100;
const WALK_BYTES = 256 << 20;

/** Milliseconds between readings, from what the last one took. */
const SIDES = {
  'nobody reads': undefined,
  'as memprof run reads': (tookMs) => Math.max(LEAST_GAP_MS, COST_FACTOR * tookMs),
  'read all the time': () => 10,
};

/**
 * @param {string} node
 * @param {{ rounds: number, mib: string, operations: string, turns: string }} settings
 */
export async function costSections(node, { rounds, mib, operations, turns }) {
  const gaps = compile('gaps', [join(import.meta.dirname, 'gaps.c')]);
  const programs = {
    [`C threads in ${mib} MiB of small pages`]: [gaps, mib, operations],
    'an event loop': [node, join(import.meta.dirname, 'loop.mjs'), turns],
  };
  const sections = [];
  for (const [title, command] of Object.entries(programs)) {
    const sides = Object.fromEntries(
      Object.entries(SIDES).map(([side, gapMs]) => [side, () => readWhileItRuns(command, gapMs)]),
    );
    const results = await interleave(sides, { rounds });
    for (const worker of Object.keys(results['nobody reads'][0].workers)) sections.push(cpu(title, worker, results));
    sections.push(stalls(title, results));
  }
  return sections;
}

function cpu(title, worker, results) {
  const values = Object.fromEntries(
    Object.entries(results).map(([side, runs]) => [side, runs.map(({ workers }) => workers[worker].cpuMs)]),
  );
  return comparison({
    id: `cost-${worker}`,
    title: `${title}: processor time of "${worker}"`,
    unit: 'CPU ms',
    values,
    targets: { 'as memprof run reads': '1.005' },
  });
}

function stalls(title, results) {
  const data = Object.entries(results).flatMap(([side, runs]) =>
    Object.keys(runs[0].workers).map((worker) => ({
      side,
      worker,
      readings: runs.reduce((sum, run) => sum + run.readings, 0),
      longestMs: Math.max(...runs.map(({ workers }) => workers[worker].longestMs)),
      stalls: runs.reduce((sum, { workers }) => sum + workers[worker].stalls, 0),
    })),
  );
  return {
    id: `stalls-${data[0].worker}`,
    title: `${title}: operations that took long, of all rounds`,
    columns: ['', 'operation', 'readings', 'longest ms', 'above 20 ms'],
    rows: data.map(({ side, worker, readings, longestMs, stalls: count }) => [
      side,
      worker,
      String(readings),
      longestMs.toFixed(1),
      String(count),
    ]),
    notes: ['time that a thread waited for a processor is left out'],
    data,
  };
}

/** @returns what the program says of its workers, and how many readings there were */
async function readWhileItRuns([file, ...args], gapMs) {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  let isOver = false;
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  const ended = new Promise((done, fail) => {
    child.once('error', fail).once('close', (status) => {
      isOver = true;
      done(status);
    });
  });
  while (!stdout.includes('ready\n') && !isOver) await sleep(5);
  let readings = 0;
  let earlier = [];
  for (let wait = gapMs?.(0) ?? 0; gapMs !== undefined && !isOver; readings++) {
    await Promise.race([sleep(wait), ended]);
    if (isOver || stdout.includes('}')) break;
    const began = performance.now();
    try {
      earlier = readLedger(child.pid, { reason: 'peak', walkBytes: WALK_BYTES, earlier }).regions;
    } catch {
      break; // it ended meanwhile; its exit status tells whether it should have
    }
    wait = gapMs(performance.now() - began);
  }
  const status = await ended;
  if (status !== 0) throw new Error(`${file}: ended with ${status}`);
  const { operations: _, kept: __, ...workers } = JSON.parse(stdout.split('\n')[1]);
  return { workers, readings };
}
