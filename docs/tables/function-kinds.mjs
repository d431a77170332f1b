#!/usr/bin/env node
/**
 * The table of docs/explanation/javascript-frames.md: how each kind of function reads in a profile, on the Node versions of the matrix.
 *
 *     node fixtures/install.mjs nodes && npm run build && node docs/tables/function-kinds.mjs
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildProfile } from '../../dist/interpret/index.js';
import { frameReader } from '../../dist/model/frames.js';

const ROOT = join(import.meta.dirname, '../..');
const FIXTURE = join(ROOT, 'fixtures/js/function-kinds.cjs');
const MAJORS = ['20', '22', '24', '26'];
/** Blocks of this size are always sampled, and the rest of the size says which allocation it was. */
const BASE_BYTES = 4_000_000;
const IN_USE_OBJECTS = 2;
const IN_USE_SPACE = 3;
const print = (line) => process.stdout.write(`${line}\n`);

/** @returns {Promise<Map<number, { name: string, line: number }>>} by mark, the frame that called `allocate` */
async function shownBy(major) {
  const folder = mkdtempSync(join(tmpdir(), 'memprof-kinds-'));
  try {
    const node = join(ROOT, `fixtures/nodes/node_modules/node-${major}/bin/node`);
    const args = ['run', '-q', '-f', '-o', folder, '--no-v8', '--', node, FIXTURE];
    const env = { ...process.env, MARK_BASE: String(BASE_BYTES) };
    const run = spawnSync(process.execPath, [join(ROOT, 'bin/memprof.js'), ...args], { env, encoding: 'utf8' });
    if (run.status !== 0) throw new Error(run.stderr);
    const { expected } = JSON.parse(run.stdout);
    const profile = await buildProfile(folder);
    const frames = frameReader(profile);
    const shown = new Map();
    for (const sample of profile.samples) {
      const stack = frames(sample);
      const at = stack.findIndex((frame) => frame.name === 'allocate');
      const mark = Math.round(sample.values[IN_USE_SPACE] / sample.values[IN_USE_OBJECTS]) - BASE_BYTES;
      if (at >= 0 && mark in expected) shown.set(mark, stack[at + 1]);
    }
    return shown;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const shown = await Promise.all(MAJORS.map(shownBy));
const source = readFileSync(FIXTURE, 'utf8').split('\n');
const lineOf = (mark) =>
  shown.map((each) => each.get(mark)).find((frame) => frame?.line)?.line ?? Number.POSITIVE_INFINITY;
const marks = [...new Set(shown.flatMap((frames) => [...frames.keys()]))].sort((a, b) => lineOf(a) - lineOf(b));

print(`| line | code around the call | ${MAJORS.map((major) => `Node ${major}`).join(' | ')} |`);
print(`| --- | --- |${' --- |'.repeat(MAJORS.length)}`);
for (const mark of marks) {
  const frames = shown.map((each) => each.get(mark));
  const line = lineOf(mark);
  const names = frames.map((frame) =>
    frame === undefined ? '-' : `\`${frame.name}\`${frame.line === line || !frame.line ? '' : ` :${frame.line}`}`,
  );
  const code =
    line === Number.POSITIVE_INFINITY
      ? 'new Function, eval'
      : source.slice(0, line - 1).findLast((text) => /[{(]\s*$/.test(text));
  print(`| ${Number.isFinite(line) ? line : ''} | \`${code?.trim().slice(0, 48)}\` | ${names.join(' | ')} |`);
}
