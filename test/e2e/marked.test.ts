import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { INUSE_SPACE } from '../../src/model/profile.ts';
import { cleanEnvironment } from '../cli/run-cli.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { FIXTURES, NODES, profileOf, type Stack, stacksOf } from './helpers.ts';

const root = temporaryDirectory('marked');
const program = join(FIXTURES, 'api/marked.mjs');
const nodes = NODES.filter(({ path }) => existsSync(path));
if (nodes.length === 0) console.warn('skipped: no Node in fixtures/nodes: node fixtures/install.mjs');

const V8_INTERVAL = ['--v8-interval', '16k'];

async function stacks(folder: string, node: string, flags: readonly string[], plain = false): Promise<Stack[]> {
  const env = { ...cleanEnvironment(), ...(plain && { PLAIN: '1' }) };
  const { profile, status, stderr } = await profileOf(join(root, folder), [node, program], {
    flags: [...flags, ...V8_INTERVAL],
    env,
  });
  expect(status, stderr).toBe(0);
  return stacksOf(profile);
}

const calls = (name: string) => (stack: Stack) => stack.frames.some((frame) => frame.name.split('.').at(-1) === name);
/** The plain program's own stand-ins for the API. */
const STAND_INS = new Set(['plain.run', 'stage', 'label']);

/** The program's frames down to the allocating function: above them are Node's, and below it what V8 did not inline. */
function programPath({ frames }: Stack): string {
  const names = frames.map(({ name }) => name).filter((name) => !STAND_INS.has(name));
  const path = names.reverse().join(' > ');
  return path.replace(/^.*?\(top level\)/, '(top level)').replace(/(allocate\w+).*/, '$1');
}
const sum = (all: readonly Stack[]): number => all.reduce((bytes, { sample }) => bytes + sample.values[INUSE_SPACE], 0);

describe.skipIf(nodes.length === 0).each(nodes)('Node $major', ({ major, path }) => {
  test('V8 objects that are made in an arena carry it; no stack shows how it was entered', {
    timeout: 180_000,
  }, async () => {
    const tagged = await stacks(`tagged-${major}`, path, ['--no-native']);
    const objects = tagged.filter(({ sample }) => sample.labels.heap === 'v8').filter(calls('allocateObjects'));
    const inArena = objects.filter(({ sample }) => sample.labels.arena_source === 'marker');
    expect(sum(inArena) / sum(objects)).toBeGreaterThanOrEqual(0.99);

    const arenasOf = (name: string) => [
      ...new Set(inArena.filter(calls(name)).map(({ sample }) => sample.labels.arena)),
    ];
    expect(arenasOf('mostOfIt')).toEqual(['kv-cache#1']);
    expect(arenasOf('aQuarter')).toEqual(['kv-cache#2']);
    expect(arenasOf('afterAnError')).toEqual(['kv-cache#2']);
    expect(inArena.find(calls('inStage'))?.sample.labels).toMatchObject({
      pool: 'kv-cache',
      arena: 'kv-cache#3',
      stage: 'decode',
      label: 'tenant=acme',
    });
    expect(inArena.every(({ sample }) => sample.labels.pool === 'kv-cache')).toBe(true);

    const plain = await stacks(`plain-${major}`, path, ['--no-native'], true);
    const pathsOf = (all: readonly Stack[]) =>
      [...new Set(all.filter(calls('allocateObjects')).map(programPath))].sort();
    expect(pathsOf(objects)).toEqual(pathsOf(plain.filter(({ sample }) => sample.labels.heap === 'v8')));
  });
});
