/** Whole programs: the CPU time of the program with its children, alone, under `memprof run`, and under others. */

import { measured } from '../lib/process.mjs';
import { comparison } from '../lib/report.mjs';
import { interleave } from '../lib/rounds.mjs';
import { differences, median, ratios } from '../lib/statistics.mjs';
import { dhat, heaptrack, underMemprof } from './rivals.mjs';

const HEAPTRACK_ROUNDS = 5;

/**
 * @param {{ id: string, title: string, command: string[], rounds: number, target?: string, cwd?: string, dhatRounds?: number, withHeaptrack?: boolean }} program
 */
export async function programSection({
  id,
  title,
  command,
  rounds,
  target,
  cwd,
  dhatRounds = 0,
  withHeaptrack = true,
}) {
  const sides = {
    plain: () => measured(command, { cwd }),
    memprof: () => measured(command, { cwd, wrap: underMemprof }),
    ...(heaptrack && withHeaptrack && { heaptrack: () => measured(heaptrack(command), { cwd }) }),
    ...(dhat && dhatRounds > 0 && { 'valgrind dhat': () => measured(dhat(command), { cwd }) }),
  };
  const limits = { heaptrack: HEAPTRACK_ROUNDS, 'valgrind dhat': dhatRounds };
  return programComparison({ id, title, target, results: await interleave(sides, { rounds, limits }) });
}

/** The section of what `measured` returned for each side. */
export function programComparison({ id, title, target = '', results }) {
  const of = (key) =>
    Object.fromEntries(Object.entries(results).map(([side, list]) => [side, list.map((r) => r[key])]));
  const own = results.memprof.map(({ cpuMs, around }) => around.cpuMs - cpuMs);
  const after = results.memprof.map(({ wallMs, around }) => around.wallMs - wallMs);
  const [wall, rss] = [of('wallMs'), of('maxRssMib')];
  const notes = [
    `wall time of the program: ${median(ratios(wall.memprof, wall.plain)).toFixed(2)} times; peak RSS: +${median(differences(rss.memprof, rss.plain)).toFixed(0)} MiB`,
    `memprof's own process beside and after it: ${median(own).toFixed(0)} ms of CPU; before the start and after the end: ${median(after).toFixed(0)} ms`,
  ];
  return comparison({ id, title, unit: 'CPU ms', digits: 0, values: of('cpuMs'), targets: { memprof: target }, notes });
}
