import { describe, expect, test } from 'vitest';
import { agentEnvironment, fixture, fixturesIn, makeRunDirectory, NODES, plainEnvironment, run } from './run-agent.ts';

/** Two programs at a time is what the machine of a test run is expected to stand. */
describe.each(NODES)('on Node $version a program does the same with and without the agent', ({ major, execPath }) => {
  const programs = fixturesIn('transparent').filter((program) => !program.endsWith('.mts') || major >= 22);

  test.each(programs)('%s', async (program) => {
    const path = fixture(program);
    const args =
      program.endsWith('.mts') && major < 24 ? ['--experimental-strip-types', '--no-warnings', path] : [path];
    const plain = await run(execPath, args, { env: plainEnvironment() });
    const profiled = await run(execPath, args, { env: agentEnvironment(makeRunDirectory()) });
    expect({ ...profiled, pid: 0 }).toEqual({ ...plain, pid: 0 });
    expect(plain.stdout + plain.stderr + plain.code + plain.signal).not.toBe('0null');
  });

  test('without MEMPROF_RUN_DIR, and with one that is gone, it does nothing', async () => {
    for (const directory of [undefined, '', '/nowhere/memprof']) {
      const env = { ...agentEnvironment(''), MEMPROF_RUN_DIR: directory };
      const result = await run(execPath, ['-p', 'process.emit === require("events").prototype.emit'], { env });
      expect(result).toMatchObject({ stdout: 'true\n', stderr: '', code: 0 });
    }
  });
});
