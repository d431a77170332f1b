#!/usr/bin/env node
/**
 * How much of RSS the ledger leaves unexplained, and what reading costs the program that is read.
 *
 *     node bench/ledger.mjs [--only outside,recording,cost] [--nodes 20,22,24,26] [--programs touched,onnx,...] [--preset small]
 *                           [--tokens 48] [--requests 40] [--rounds 7] [--mib 1000] [--operations 30000] [--turns 10000] [--json FILE]
 *
 * outside: `memprof ledger PID`, without injection, while the program works (the reading at the highest RSS) and when all its memory is there.
 * recording: `memprof run`, then `memprof ledger DIR` at the peak and at the end.
 * cost: processor time and the longest operation of a C program with MIB of small pages and of a Node event loop, while readings come as `memprof
 * run` spaces them, or all the time; in rounds.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeLedger } from '../dist/analyze/ledger.js';
import { readRunningProcess } from '../dist/commands/ledger-process.js';
import { inputsOfReading } from '../dist/interpret/ledger-inputs.js';
import { costSections } from './ledger/cost.mjs';
import { hold, ledgerPrograms } from './ledger/programs.mjs';
import { fixtureNode, MEMPROF, output, scratch } from './lib/process.mjs';
import { startReport } from './lib/report.mjs';
import { median } from './lib/statistics.mjs';

const { options, section, finish } = startReport('ledger', {
  only: 'outside,recording,cost',
  nodes: '20,22,24,26',
  programs: '',
  preset: 'small',
  tokens: '48',
  requests: '40',
  rounds: '7',
  mib: '1000',
  operations: '30000',
  turns: '10000',
});
const all = ledgerPrograms(options);
const names = options.programs === '' ? Object.keys(all) : options.programs.split(',');
for (const name of names) if (!(name in all)) throw new Error(`no program ${name}: choose from ${Object.keys(all)}`);

/** So long a program stands still before its end, so that readings can follow: they come at most twice a second. */
const SETTLE_MS = 1500;

const MODES = {
  async outside(program, node) {
    let peak;
    let end;
    const read = (pid) => makeLedger(inputsOfReading(readRunningProcess(pid, undefined)));
    await hold(program, node, {
      whileRunning(pid) {
        const ledger = read(pid);
        if (ledger.rssBytes > (peak?.rssBytes ?? 0)) peak = ledger;
      },
      whenThere(pid) {
        end = read(pid);
      },
    });
    return { 'outside, working': peak, outside: end };
  },
  async recording(program, node) {
    const recording = join(scratch, 'recording');
    await hold(program, node, { recording, settleMs: SETTLE_MS });
    const at = (moment) =>
      JSON.parse(output([process.execPath, MEMPROF, 'ledger', recording, '--at', moment, '--format', 'json']))
        .ledgers // Programs start others, which are smaller.
        .reduce((a, b) => (a.rssBytes >= b.rssBytes ? a : b));
    const found = { peak: at('peak'), end: at('end') };
    rmSync(recording, { recursive: true });
    return found;
  },
};

const parts = options.only.split(',');
const modes = parts.filter((part) => part in MODES);
for (const part of parts) if (!(part in MODES || part === 'cost')) throw new Error(`no part ${part}`);

function measure({ rssBytes, highWaterBytes, residualBytes, splitErrorBytes, skewBytes, checks, durationNs, retries }) {
  return {
    rssBytes,
    /** By how much RSS was higher at some other moment. */
    missed: Math.max(0, highWaterBytes - rssBytes) / rssBytes,
    residual: residualBytes / rssBytes,
    ...(splitErrorBytes !== undefined && { split: splitErrorBytes / rssBytes }),
    skew: skewBytes / rssBytes,
    durationMs: durationNs / 1e6,
    retries,
    failed: checks.filter((check) => !check.isPassed).map((check) => check.name),
  };
}

async function residualSections() {
  const data = await readAll();
  const moments = [...new Set(data.map(({ moment }) => moment))];
  return [
    ...options.nodes.split(',').map((major) => byProgram(major, moments, data)),
    {
      id: 'residual',
      title: 'all of them: |residual|, split error, skew, and how long a reading took',
      columns: ['', 'readings', 'median', 'worst', 'worst split', 'worst skew', 'median ms', 'failed checks'],
      rows: moments.map((moment) => summaryRow(moment, data)),
      data,
    },
  ];
}

async function readAll() {
  const data = [];
  for (const name of names) {
    for (const major of options.nodes.split(',')) {
      for (const mode of modes) {
        const ledgers = await MODES[mode](all[name], fixtureNode(major));
        for (const [moment, ledger] of Object.entries(ledgers)) {
          if (ledger !== undefined) data.push({ name, major, moment, ...measure(ledger) });
        }
      }
    }
  }
  return data;
}

const percent = (share) => `${share < 0 ? '' : '+'}${(100 * share).toFixed(2)} %`;

function byProgram(major, moments, data) {
  return {
    id: `residual-${major}`,
    title: `residual, signed, of RSS: Node ${major}`,
    columns: ['', 'RSS MiB', ...moments, ...(moments.includes('peak') ? ['peak missed by'] : [])],
    rows: names.map((name) => {
      const own = data.filter((row) => row.name === name && row.major === major);
      const cells = moments.map((moment) => own.find((row) => row.moment === moment));
      const rss = Math.max(...own.map((row) => row.rssBytes)) / 2 ** 20;
      const peak = own.find((row) => row.moment === 'peak');
      return [
        all[name].title,
        rss.toFixed(0),
        ...cells.map((row) => (row ? percent(row.residual) : '')),
        ...(peak ? [`${(100 * peak.missed).toFixed(1)} %`] : []),
      ];
    }),
    data: data.filter((row) => row.major === major),
  };
}

function summaryRow(moment, data) {
  const rows = data.filter((row) => row.moment === moment);
  const worst = (field) =>
    percent(rows.map((row) => row[field] ?? 0).reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)));
  const sizes = rows.map((row) => Math.abs(row.residual));
  return [
    moment,
    String(rows.length),
    `${(100 * median(sizes)).toFixed(3)} %`,
    `${(100 * Math.max(...sizes)).toFixed(2)} %`,
    worst('split'),
    worst('skew'),
    median(rows.map((row) => row.durationMs)).toFixed(0),
    String(rows.reduce((sum, row) => sum + row.failed.length, 0)),
  ];
}

if (modes.length > 0) for (const each of await residualSections()) section(each);
if (parts.includes('cost')) {
  const [newest] = options.nodes.split(',').slice(-1);
  const settings = { ...options, rounds: Number(options.rounds) };
  for (const each of await costSections(fixtureNode(newest), settings)) section(each);
}
finish();
