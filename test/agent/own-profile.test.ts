import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DATADOG_PPROF, fixture, makeFolder, NODES, only, runWithAgent, typesOf } from './run-agent.ts';

describe.each(NODES)('on Node $version the heap profile of the program itself goes first', ({ execPath }) => {
  test.each(['inspector.mjs', 'inspector-callback.cjs', 'v8.mjs', 'worker.cjs'])('%s', async (program) => {
    const { stdout, stderr, code, files } = await runWithAgent(execPath, [fixture(`own-profile/${program}`)]);
    expect(stdout).toMatch(/^own profile (true|not in this Node)\n$/);
    expect({ stderr, code }).toEqual({ stderr: '', code: stdout.includes('true') ? 0 : code });
    const codes = [...files.values()].flat().map((line) => line.code);
    expect(codes.includes('V8_SAMPLER_STOOD_DOWN')).toBe(stdout.includes('true'));
  });

  test.each(['the same @datadog/pprof', 'a copy of it'])('%s', async (which) => {
    let folder = DATADOG_PPROF;
    if (which !== 'the same @datadog/pprof') {
      const modules = join(makeFolder('memprof-agent-dd-'), 'node_modules');
      for (const name of ['@datadog/pprof', 'node-gyp-build', 'pprof-format', 'source-map']) {
        const from = join(DATADOG_PPROF, '../..', name);
        if (existsSync(from)) cpSync(from, join(modules, name), { recursive: true });
      }
      folder = join(modules, '@datadog/pprof');
    }
    const { stdout, lines, code } = await runWithAgent(execPath, [fixture('own-profile/datadog-pprof.cjs'), folder]);
    expect({ stdout, code }).toEqual({ stdout: 'own profile true\n', code: 0 });
    expect(only(lines, 'warning').code).toBe('V8_SAMPLER_STOOD_DOWN');
    expect(typesOf(lines)).not.toContain('v8profile');
  });

  test('--heap-prof: the agent never starts', async () => {
    const cwd = makeFolder('memprof-agent-heap-prof-');
    const { lines, code } = await runWithAgent(execPath, ['--heap-prof', fixture('own-profile/keep-nothing.cjs')], {
      cwd,
    });
    expect(code).toBe(0);
    expect(only(lines, 'hello')).toMatchObject({ v8Sampler: 'off', reason: expect.stringContaining('--heap-prof') });
    expect(typesOf(lines)).toEqual(['hello', 'maps', 'exit']);
  });
});
