/** Processes that `memprof ledger` cannot read: exit code 2, one message that says why, and what to try. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { program } from '../native/programs.ts';
import { MEMPROF, memprof, type Outcome, type Running, runToEnd, scratch, start } from './run-cli.ts';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
/** Another user can run memprof from here. */
const canBeNobody = isRoot && isOpenToAll(MEMPROF) && run([...asNobody, process.execPath, '-e', '0']);
const canMount = run(['unshare', '-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']);
const canHidePids = isRoot && run(['unshare', '-m', 'mount', '-t', 'proc', '-o', 'hidepid=2', 'proc', '/proc']);
const canNestPids = run(['unshare', '-rpf', '--mount-proc', 'true']);
const KERNEL_THREAD = 2;

function run([command = '', ...args]: string[]): boolean {
  return spawnSync(command, args).status === 0;
}

function isOpenToAll(path: string): boolean {
  return path === '/' || ((statSync(path).mode & 0o005) === 0o005 && isOpenToAll(dirname(path)));
}

function statusOf(pid: number | string): string {
  return existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'latin1') : '';
}

async function sleeper(command: string[] = []): Promise<Running> {
  const [file = '', ...args] = [...command, 'sh', '-c', 'echo there; exec sleep 60'];
  const running = start(file, args);
  onTestFinished(() => void running.child.kill('SIGKILL'));
  await running.prints('there');
  return running;
}

function expectRefused({ status, stdout, stderr }: Outcome, message: RegExp | string, hint: RegExp | string): void {
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  const [first = '', second = '', ...rest] = stderr.split('\n');
  expect(first).toMatch(message);
  expect(second).toMatch(hint);
  // No stack.
  expect(rest).toEqual(['']);
}

/** `memprof ledger` after shell commands, in namespaces of its own; `$0` is its first argument. */
function ledgerIn(namespaces: string[], script: string, ...args: string[]): Promise<Outcome> {
  return runToEnd('unshare', [...namespaces, 'sh', '-ec', script, ...args]);
}
const LEDGER = `exec '${process.execPath}' '${MEMPROF}' ledger`;

describe('nothing to read', () => {
  test('one that has ended, and whose parent has not asked for its exit status', async () => {
    const parent = start('sh', ['-c', 'sleep 0 & echo "child $! "; exec sleep 60']);
    onTestFinished(() => void parent.child.kill('SIGKILL'));
    let printed = '';
    parent.child.stdout?.on('data', (text: string) => {
      printed += text;
    });
    await parent.prints('child');
    const zombie = /child (\d+)/.exec(printed)?.[1] ?? '';
    await expect.poll(() => statusOf(zombie), { timeout: 20_000 }).toMatch(/^State:\s*Z/m);
    expectRefused(
      await memprof(['ledger', zombie]),
      `process ${zombie} has ended: its parent has not asked for its exit status yet (zombie)`,
      'memprof run',
    );
  });

  const hasThread = statusOf(KERNEL_THREAD).includes('State:') && !statusOf(KERNEL_THREAD).includes('VmRSS:');
  test.skipIf(!hasThread)('a thread of the kernel (skipped where process 2 is none: in a container)', async () => {
    const outcome = await memprof(['ledger', String(KERNEL_THREAD)]);
    expectRefused(outcome, 'process 2 is a thread of the kernel', 'id of a program');
  });

  test.skipIf(!canMount)('a kernel without smaps (skipped where nobody may mount)', async () => {
    const { child } = await sleeper();
    const files = scratch();
    // A copy by size would be empty.
    for (const name of ['status', 'statm', 'comm']) {
      writeFileSync(join(files, name), readFileSync(`/proc/${child.pid}/${name}`));
    }
    const script = `mount -t tmpfs tmpfs /proc/$0 && cp "$1"/* /proc/$0; ${LEDGER} $0`;
    const outcome = await ledgerIn(['-rm'], script, String(child.pid), files);
    expectRefused(
      outcome,
      `process ${child.pid} cannot be read: this kernel has no /proc/PID/smaps`,
      'another machine',
    );
  });
});

describe('not permitted', () => {
  test.skipIf(!canBeNobody)('another user’s (skipped unless root and in an open folder)', async () => {
    const { child } = await sleeper();
    const [command = '', ...args] = [...asNobody, process.execPath, MEMPROF, 'ledger', String(child.pid)];
    const outcome = await runToEnd(command, args);
    expectRefused(outcome, `process ${child.pid} belongs to another user, or its memory may not be read`, 'as root');
  });

  test.skipIf(!canBeNobody)(
    'one’s own that hides from its user (skipped unless root and in an open folder)',
    async () => {
      const [command = '', ...args] = [...asNobody, program('odd_memory'), 'secretive'];
      const running = start(command, args);
      onTestFinished(() => void running.child.kill('SIGKILL'));
      await running.prints('ready');
      const [file = '', ...rest] = [...asNobody, process.execPath, MEMPROF, 'ledger', String(running.child.pid)];
      expectRefused(await runToEnd(file, rest), 'or its memory may not be read', 'as root');
    },
  );

  test.skipIf(!(canBeNobody && canHidePids))('hidepid (skipped unless root and in an open folder)', async () => {
    const { child } = await sleeper();
    const script = `mount -t proc -o hidepid=2 proc /proc; exec ${asNobody.join(' ')} ${LEDGER.slice(5)} $0`;
    const outcome = await ledgerIn(['-m'], script, String(child.pid));
    expectRefused(outcome, `process ${child.pid} is hidden: /proc is mounted with hidepid`, 'as root');
  });

  test.skipIf(!(canBeNobody && canMount))(
    'a map that may be read, and memory that may not: all lines are there but live and retained (skipped unless root)',
    async () => {
      const { child } = await sleeper(asNobody);
      const closed = join(scratch(), 'closed');
      writeFileSync(closed, '');
      chmodSync(closed, 0);
      const script = `for file in mem pagemap; do mount --bind "$1" /proc/$0/$file; done
        exec ${asNobody.join(' ')} ${LEDGER.slice(5)} $0`;
      const { status, stdout, stderr } = await ledgerIn(['-m'], script, String(child.pid), closed);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(/^binaries and libraries/m);
      expect(stdout).toContain('live and retained are not told apart');
      expect(stdout).toMatch(/^not seen: the memory of the process may not be read \(ptrace\)/m);
      expect(stdout).toMatch(/^not seen: its page map may not be read/m);
    },
  );
});

describe('in a container', () => {
  const reason = '(skipped where nobody may make a pid namespace)';
  test.skipIf(!canNestPids)(`a process beside it, by its number in there ${reason}`, async () => {
    const script = `sleep 60 & ${LEDGER.slice(5)} $!`;
    const { status, stdout, stderr } = await ledgerIn(['-rpf', '--mount-proc', '--kill-child'], script);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^memprof ledger {2}sleep \[\d\]\nnow/);
  });

  test.skipIf(!canNestPids)(`a process of the host, by its number on the host ${reason}`, async () => {
    const { child } = await sleeper();
    const outcome = await ledgerIn(['-rpf', '--mount-proc'], `${LEDGER} $0`, String(child.pid));
    expectRefused(outcome, `there is no process ${child.pid}`, 'in this pid namespace');
  });

  test.skipIf(!canNestPids)(`under the host’s /proc a number is another process: refused ${reason}`, async () => {
    const script = `sleep 60 & ${LEDGER.slice(5)} $!`;
    const outcome = await ledgerIn(['-rpf', '--kill-child'], script);
    expectRefused(outcome, '/proc is not that of this pid namespace', 'mount -t proc proc /proc');
  });

  test.skipIf(!canNestPids)(`from outside, by its number on the host ${reason}`, async () => {
    const child = spawn('unshare', ['-rpf', '--mount-proc', '--kill-child', 'sleep', '60']);
    onTestFinished(() => void child.kill('SIGKILL'));
    const children = `/proc/${child.pid}/task/${child.pid}/children`;
    const inside = (): string => readFileSync(children, 'latin1').trim();
    await expect.poll(() => statusOf(inside()), { timeout: 20_000 }).toMatch(/^Name:\s*sleep$/m);
    const { status, stdout } = await memprof(['ledger', inside()]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^memprof ledger {2}sleep \[\d+\]\nnow/);
  });
});
