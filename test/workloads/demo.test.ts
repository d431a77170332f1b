import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FIXTURES, run, runtimesAreMissing, scratch } from './workloads.ts';

describe.skipIf(runtimesAreMissing())('the demo', { timeout: 120_000 }, () => {
  it('leaves the program as it is, and says where the flame graph is', async () => {
    const output = join(scratch(), 'recording');
    const program = [
      join(FIXTURES, 'workloads/onnx-generate.mjs'),
      '--requests',
      '4',
      '--new-tokens',
      '240',
      '--show',
      '24',
    ];
    const unprofiled = await run(process.execPath, program);
    const demo = await run(process.execPath, [join(FIXTURES, 'workloads/demo.mjs'), output]);

    expect(demo.status).toBe(0);
    expect(demo.stdout).toBe(unprofiled.stdout);
    expect(demo.stderr).toContain(`npx memprof open ${output}`);
    for (const file of ['profile.speedscope.json', 'profile.pb.gz']) {
      expect(demo.stderr).toContain(join(output, file));
      expect(existsSync(join(output, file))).toBe(true);
    }
    // The two things that the tutorial tells to look for.
    const speedscope = JSON.parse(readFileSync(join(output, 'profile.speedscope.json'), 'utf8'));
    const frames: string[] = speedscope.shared.frames.map((frame: { name: string }) => frame.name);
    expect(frames.some((name) => name.includes('grow'))).toBe(true);
    expect(frames.some((name) => name.includes('OnnxruntimeSessionHandler'))).toBe(true);
  });
});
