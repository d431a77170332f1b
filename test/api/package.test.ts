import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { agentEnvironment, makeFolder, makeRunDirectory, NODES, plainEnvironment, run } from '../agent/run-agent.ts';
import { ROOT } from '../e2e/helpers.ts';

/** A folder with a program and the package as npm would install it, twice. */
function installed(...programs: string[]): string {
  if (!existsSync(join(ROOT, 'cjs/index.js'))) throw new Error('the package is not built: npm run build');
  const folder = makeFolder('memprof-api-test-');
  for (const place of ['node_modules/memprof', 'other/node_modules/memprof']) {
    const target = join(folder, place);
    mkdirSync(join(target, 'dist'), { recursive: true });
    for (const part of ['package.json', 'cjs', 'dist/api', 'dist/index.js', 'dist/index.d.ts']) {
      cpSync(join(ROOT, part), join(target, part), { recursive: true });
    }
  }
  for (const name of programs) cpSync(join(ROOT, 'fixtures/api', name), join(folder, name));
  return folder;
}

it.each(NODES)(
  'is imported and required, twice, in workers and contexts: Node $version',
  { timeout: 180_000 },
  async ({ execPath }) => {
    const folder = installed('both-kinds.mjs');
    const { code, stdout, stderr } = await run(execPath, ['both-kinds.mjs'], { cwd: folder, env: plainEnvironment() });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      ids: ['kv#1', 'kv#2', 'kv#3'],
      isOnePool: true,
      names: ['arena,iteration,label,pool,stage', 'arena,iteration,label,pool,stage'],
      symbols: ['Symbol(memprof.shared.1)'],
      enumerable: [],
      inContext: 2,
      disposes: 'function',
      native: [],
      inWorker: ['kv#1', 'kv#2', 'kv#3'],
    });
  },
);

it('shares its numbers under a profiler, too, over copies and threads', { timeout: 180_000 }, async () => {
  const folder = installed('both-kinds.mjs');
  const { execPath } = NODES[0] ?? process;
  const env = agentEnvironment(makeRunDirectory());
  const { code, stdout, stderr } = await run(execPath, ['both-kinds.mjs'], { cwd: folder, env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({
    ids: ['kv#1', 'kv#2', 'kv#3'],
    isOnePool: true,
    symbols: ['Symbol(memprof.agent)', 'Symbol(memprof.shared.1)'],
    enumerable: [],
    inContext: 2,
    inWorker: ['kv#4', 'kv#5', 'kv#6'],
  });
});

it.each(NODES)(
  'passes through inside a vm context, and where there is no Symbol.dispose: Node $version',
  { timeout: 180_000 },
  async (node) => {
    const folder = installed('in-context.cjs');
    const env = agentEnvironment(makeRunDirectory());
    const { code, stdout, stderr } = await run(node.execPath, ['in-context.cjs'], { cwd: folder, env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { hasDispose, ...rest } = JSON.parse(stdout);
    if (node.major < 24) expect(hasDispose).toBe('undefined');
    const stats = { hits: 0, misses: 0, arenas: 1, released: 1, doubleReleases: 0, usesAfterRelease: 0 };
    expect(rest).toEqual({ ran: 'kv#1', wrapped: 3, stats });
  },
);

it('has types for both kinds of module', { timeout: 180_000 }, () => {
  const folder = installed('types.cts', 'types.mts');
  const options = { module: 'nodenext', target: 'es2023', strict: true, noEmit: true, types: [] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options }));
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8', stdio: 'pipe' });
});

it('imports nothing of Node, so that a bundler can take it anywhere', () => {
  const files = ['index.js', ...readdirSync(join(ROOT, 'dist/api')).map((name) => `api/${name}`)];
  for (const file of files.filter((name) => name.endsWith('.js'))) {
    const text = readFileSync(join(ROOT, 'dist', file), 'utf8');
    const sources = [...text.matchAll(/from '([^']+)'|import\('([^']+)'\)/g)].map((found) => found[1] ?? found[2]);
    for (const source of sources) expect(source, file).toMatch(/^\.\.?\/[\w/-]+\.js$/);
    expect(text, file).not.toMatch(/\b(process|Buffer|require)\b[.(]/);
  }
});
