/** A process that ends in the middle of a ledger reading, at each of its steps: an error that says so, or a whole reading; nothing between. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, onTestFinished, test, vi } from 'vitest';
import { readLedger } from '../../src/capture/ledger-reading.ts';
import type * as mallocHeaps from '../../src/capture/malloc-heaps.ts';
import type * as processMemory from '../../src/capture/process-memory.ts';
import type * as smaps from '../../src/capture/smaps.ts';

const hooks = vi.hoisted(() => ({ before: '', kill: (): void => undefined }));

/** Ends the process before the step that the test names. */
function at(step: string): void {
  if (hooks.before === step) hooks.kill();
}

vi.mock(import('../../src/capture/smaps.ts'), async (original) => {
  const actual: typeof smaps = await original();
  return {
    ...actual,
    readSmaps(pid) {
      at('smaps');
      return actual.readSmaps(pid);
    },
  };
});
vi.mock(import('../../src/capture/process-memory.ts'), async (original) => {
  const actual: typeof processMemory = await original();
  return {
    ...actual,
    openProcessMemory(pid) {
      at('memory');
      const memory = actual.openProcessMemory(pid);
      at('opened memory');
      return memory;
    },
  };
});
vi.mock(import('../../src/capture/malloc-heaps.ts'), async (original) => {
  const actual: typeof mallocHeaps = await original();
  return {
    ...actual,
    findMalloc(map, memory) {
      const found = actual.findMalloc(map, memory);
      at('walk');
      return found;
    },
  };
});

/** A program whose parent asks at once for its exit status, so that it is gone, and no zombie, when it is killed. */
async function startMortal(): Promise<number> {
  const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; wait'], { stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => void parent.kill('SIGKILL'));
  const line: Buffer = await new Promise((resolve) => parent.stdout.once('data', resolve));
  const pid = Number(line.toString());
  onTestFinished(() => {
    if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
  });
  await expect.poll(() => readFileSync(`/proc/${pid}/comm`, 'latin1')).toBe('sleep\n');
  return pid;
}

test.each(['smaps', 'memory', 'opened memory', 'walk', 'never'])('before: %s', async (step) => {
  const pid = await startMortal();
  hooks.before = step;
  hooks.kill = () => {
    if (!existsSync(`/proc/${pid}`)) return;
    process.kill(pid, 'SIGKILL');
    const never = new Int32Array(new SharedArrayBuffer(4));
    while (existsSync(`/proc/${pid}`)) Atomics.wait(never, 0, 0, 1);
  };
  let code: string | undefined;
  try {
    const { regions, rssBeforeBytes } = readLedger(pid, { reason: 'outside', walkBytes: 1 << 30 });
    expect(regions.reduce((sum, region) => sum + region[4], 0)).toBe(rssBeforeBytes);
  } catch (error) {
    ({ code } = error as NodeJS.ErrnoException);
  }
  if (step === 'never') expect(code).toBeUndefined();
  else expect(code).toMatch(/^(ESRCH|ENOENT)$/);
});
