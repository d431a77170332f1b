import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { INUSE_SPACE } from '../../src/model/profile.ts';
import { memprof, runToEnd } from '../cli/run-cli.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { FIXTURES, NODES, profileOf, type Stack, stacksOf } from './helpers.ts';

const root = temporaryDirectory('async-labels');
const nodes = NODES.filter(({ path }) => existsSync(path));
if (nodes.length === 0) console.warn('skipped: no Node in fixtures/nodes: node fixtures/install.mjs');

const SEMANTICS = join(FIXTURES, 'async/semantics.mjs');
const asCommonJs = (text: string): string => `${text.replace('////////', '(async () => {')}})();\n`;

const KINDS: Record<string, readonly string[]> = { 20: ['cjs'], 22: ['mjs'], 24: ['mjs', 'cjs'], 26: ['mjs'] };

const sum = (all: readonly Stack[]): number => all.reduce((bytes, { sample }) => bytes + sample.values[INUSE_SPACE], 0);

describe.skipIf(nodes.length === 0).each(nodes)('--async-labels, Node $major', ({ major, path }) => {
  // Modules of the newest and scripts of the oldest kind, and both of one Node: the text is the same.
  test.each(KINDS[major] ?? [])(
    'async functions of a .%s file do what they did',
    { timeout: 180_000 },
    async (kind) => {
      const program = kind === 'mjs' ? SEMANTICS : join(root, `${major}.cjs`);
      if (kind === 'cjs') writeFileSync(program, asCommonJs(readFileSync(SEMANTICS, 'utf8')));
      const plain = await runToEnd(path, [program]);
      const lowered = await memprof([
        'run',
        '-q',
        '--async-labels',
        '-o',
        join(root, `${major}-${kind}`),
        '--',
        path,
        program,
      ]);
      expect(plain.stdout.split('\n').length).toBeGreaterThan(50);
      expect(lowered.stdout).toBe(plain.stdout);
      expect(lowered.status).toBe(plain.status);
    },
  );

  // Node 20 has no hooks for ES modules in the same thread.
  test.skipIf(major === '20')(
    "V8's objects carry their arena after an await, at the lines of the file",
    { timeout: 180_000 },
    async () => {
      const flags = ['--no-native', '--async-labels', '--v8-interval', '3k'];
      const { profile, status, stderr } = await profileOf(
        join(root, major),
        [path, join(FIXTURES, 'async/marked.mjs')],
        {
          flags,
        },
      );
      expect(status, stderr).toBe(0);
      const objects = stacksOf(profile).filter(({ frames }) => frames.some(({ name }) => name === 'allocate'));
      const by = (name: string) => objects.filter(({ frames }) => frames.some((frame) => frame.name === name));
      const inArena = (stacks: readonly Stack[], arena: string) =>
        sum(
          stacks.filter(({ sample }) => sample.labels.arena === arena && sample.labels.arena_source === 'async-marker'),
        ) / sum(stacks);
      expect(inArena(by('fillOne'), 'kv-cache#1')).toBeGreaterThanOrEqual(0.99);
      expect(inArena(by('Session.fillTwo'), 'kv-cache#2')).toBeGreaterThanOrEqual(0.99);
      expect(by('fillThree').every(({ sample }) => sample.labels.pool !== 'kv-cache')).toBe(true);
      // 40,000 and 10,000 objects, at 3 KiB about 600 samples of the smaller part: 1 is 5 standard deviations.
      expect(sum(by('fillOne')) / sum(by('Session.fillTwo'))).toBeGreaterThan(3);
      expect(sum(by('fillOne')) / sum(by('Session.fillTwo'))).toBeLessThan(5);

      const names = new Set(objects.flatMap(({ frames }) => frames.map(({ name }) => name)));
      expect([...names].filter((name) => /memprof|^next$|^start$|^step$/.test(name))).toEqual([]);
      const lines = (name: string) => [
        ...new Set(
          by(name).flatMap(({ frames }) => frames.filter((frame) => frame.name === name).map(({ line }) => line)),
        ),
      ];
      expect([lines('fillOne'), lines('Session.fillTwo'), lines('fillThree')]).toEqual([[11], [17], [22]]);
    },
  );
});
