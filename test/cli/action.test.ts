import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { cleanEnvironment, MEMPROF, runToEnd, scratch } from './run-cli.ts';

const ACTION = readFileSync(fileURLToPath(new URL('../../action.yml', import.meta.url)), 'utf8');
const PROGRAM = fileURLToPath(new URL('../../fixtures/api/gated.mjs', import.meta.url));

/** The script of the action's one step that has one, without its indentation. */
function script(): string {
  const [, block = ''] = /^ {6}run: \|\n((?: {8}.*\n)+)/m.exec(ACTION) ?? [];
  return block.replace(/^ {8}/gm, '');
}

/** A repository that has memprof installed, with a budget. */
function repository(liveBytes: string): string {
  const folder = scratch();
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  const bin = join(folder, 'node_modules/.bin/memprof');
  writeFileSync(bin, `#!/bin/sh\nexec '${process.execPath}' '${MEMPROF}' "$@"\n`);
  chmodSync(bin, 0o755);
  const config = { version: 1, gate: { budgets: { pools: { 'kv-cache': { liveBytes } } } } };
  writeFileSync(join(folder, 'memprof.config.json'), JSON.stringify(config));
  return folder;
}

it.each([
  ['20MiB', 0],
  ['1MiB', 1],
])('the script of the action: a budget of %s ends with %s', async (liveBytes, exitCode) => {
  const cwd = repository(liveBytes);
  const inputs = {
    COMMAND: `'${process.execPath}' '${PROGRAM}'`,
    BASELINE: '',
    AGAINST: '',
    BUDGET: '',
    OUTPUT: 'out dir',
    VERSION: 'none',
  };
  const env = { ...cleanEnvironment(), ...inputs, GITHUB_ACTIONS: 'true' };
  const { status, stdout, stderr } = await runToEnd('bash', ['-e', '-c', script()], { cwd, env });
  expect(status, stdout + stderr).toBe(exitCode);
  expect(existsSync(join(cwd, 'out dir/gate.json'))).toBe(true);
});

it('inputs reach the script as variables only', () => {
  expect(script()).not.toContain('${{');
  expect(script().length).toBeGreaterThan(100);
});
