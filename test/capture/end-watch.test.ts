import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { readMarkOf, watchEnds } from '../../src/capture/end-watch.ts';
import { scratch } from '../cli/run-cli.ts';

test('a process that announced its end is let go once it was read; others are left alone', async () => {
  const folder = scratch();
  const seen: string[] = [];
  const watch = watchEnds(folder, (name) => {
    seen.push(name);
    return name !== '7.0.store';
  });
  onTestFinished(watch.close);
  for (const name of ['7.0.store', '7.0.agent.jsonl', '8.0.store']) writeFileSync(join(folder, name), 'x');
  while (!existsSync(readMarkOf(join(folder, '8.0.store')))) await delay(5);
  expect(existsSync(readMarkOf(join(folder, '7.0.store')))).toBe(false);
  expect(new Set(seen)).toEqual(new Set(['7.0.store', '8.0.store']));
});

test('a folder that is gone is no error', () => {
  expect(() => watchEnds(join(scratch(), 'gone'), () => true).close()).not.toThrow();
});
