import { mkdirSync, readdirSync, readFileSync, rmdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { summarize } from '../../src/analyze/summary.ts';
import { openCgroup, parsePressure } from '../../src/capture/cgroup.ts';
import { findCgroup, placeOf } from '../../src/capture/cgroup-place.ts';
import { buildProfile } from '../../src/interpret/index.ts';
import { memprof, scratch } from '../cli/run-cli.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const root = temporaryDirectory('cgroup');

/** A folder of `files` below the root of this test. */
function group(path: string, files: Readonly<Record<string, string>>): string {
  const folder = join(root, path);
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const mount = (type: string, point: string, options: string, at = '/') =>
  `36 35 0:31 ${at} ${point} rw,nosuid shared:16 - ${type} cgroup ${options}\n`;

describe('the place of a control group', () => {
  const inner = group('v2/app.slice/job.service', { 'memory.current': '1\n' });
  const outer = group('v2/app.slice', { 'memory.current': '2\n' });
  const old = group('v1/docker/abc', { 'memory.usage_in_bytes': '3\n' });
  group('v1', { 'memory.usage_in_bytes': '4\n' });
  const v2 = mount('cgroup2', join(root, 'v2'), 'rw');
  const v1 = mount('cgroup', join(root, 'v1'), 'rw,memory');

  test('version 2: the group and those around it that count memory; the root does not', () => {
    expect(placeOf('0::/app.slice/job.service\n', v2)).toEqual({ version: 2, folders: [inner, outer] });
  });

  test('version 1, with version 2 beside it for everything else', () => {
    const groups = '9:name=systemd:/\n4:memory:/docker/abc\n1:cpu,cpuacct:/\n0::/\n';
    expect(placeOf(groups, v2 + mount('cgroup', '/nowhere', 'rw,cpu') + v1)?.folders[0]).toBe(old);
  });

  test('in a container, whose mount begins at its own group', () => {
    const inside = mount('cgroup', join(root, 'v1/docker/abc'), 'rw,memory', '/docker/abc');
    expect(placeOf('4:memory:/docker/abc\n', inside)).toEqual({ version: 1, folders: [old] });
    // With a namespace of its own the path says nothing of what is above.
    expect(placeOf('4:memory:/../../other\n', inside)).toEqual({ version: 1, folders: [old] });
  });

  test('a path with blanks', () => {
    const odd = group('odd place', { 'memory.current': '5\n' });
    expect(placeOf('0::/\n', mount('cgroup2', odd.replaceAll(' ', '\\040'), 'rw'))?.folders).toEqual([odd]);
  });

  test('is nowhere where memory is not counted, and where there is nothing to read', () => {
    expect(placeOf('0::/\n', v2)).toBeUndefined();
    expect(placeOf('', '')).toBeUndefined();
    expect(placeOf('junk\n::::\n', 'junk - \n - cgroup2\n')).toBeUndefined();
  });
});

describe('a control group', () => {
  test('of version 2 with a limit further out, events and pressure', () => {
    const outer = group('b', { 'memory.current': '9', 'memory.max': '1073741824\n' });
    const inner = group('b/c', {
      'memory.current': '536870912\n',
      'memory.max': 'max\n',
      'memory.events': 'low 1\nhigh 22\nmax 333\noom 4\noom_kill 5\noom_group_kill 0\n',
      'memory.pressure':
        'some avg10=1.50 avg60=0.10 avg300=0.00 total=700\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=90\n',
    });
    const cgroup = openCgroup({ version: 2, folders: [inner, outer] });
    expect(cgroup.usageBytes()).toBe(536_870_912);
    expect(cgroup.limitBytes()).toBe(1_073_741_824);
    expect(cgroup.events()).toEqual({ oom: 4, oomKill: 5, high: 22, max: 333 });
    expect(cgroup.pressure()).toEqual({ someNs: 700_000, fullNs: 90_000 });
    writeFileSync(join(inner, 'memory.max'), '600000000\n');
    expect(cgroup.limitBytes()).toBe(600_000_000);
    cgroup.close();
    expect(cgroup.usageBytes()).toBeUndefined();
  });

  test('of version 1 without a limit', () => {
    const folder = group('d', {
      'memory.usage_in_bytes': '4096\n',
      'memory.limit_in_bytes': '9223372036854771712\n',
      'memory.failcnt': '17\n',
      'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n',
    });
    const cgroup = openCgroup({ version: 1, folders: [folder] });
    expect(cgroup.usageBytes()).toBe(4096);
    expect(cgroup.limitBytes()).toBeUndefined();
    expect(cgroup.events()).toEqual({ oom: undefined, oomKill: 3, high: undefined, max: 17 });
    expect(cgroup.pressure()).toBeUndefined();
    cgroup.close();
  });

  test('pressure that is not counted is not 0', () => {
    expect(parsePressure('')).toBeUndefined();
    expect(parsePressure('some avg10=0.00 total=5\n')).toBeUndefined();
  });
});

const TMPFS = 0x01021994;

/** A group of our own with a limit, or why there can be none here. */
function limitedGroup(limitBytes: number): { folder: string; version: 1 | 2 } | string {
  const place = findCgroup(process.pid);
  if (place === undefined) return 'no control group counts memory here';
  const folder = join(place.folders.at(0) ?? '', `memprof-test-${process.pid}`);
  try {
    mkdirSync(folder);
    writeFileSync(join(folder, place.version === 1 ? 'memory.limit_in_bytes' : 'memory.max'), String(limitBytes));
    return { folder, version: place.version };
  } catch (cause) {
    if (readdirSync(place.folders.at(0) ?? '/').includes(`memprof-test-${process.pid}`)) rmdirSync(folder);
    return `a control group cannot be made here: ${(cause as NodeJS.ErrnoException).code}`;
  }
}

test('a program that writes more files than its group may cache: usage, limit and how often it ran into it', async (context) => {
  const limitBytes = 160 * 1024 * 1024;
  if (statfsSync(root).type === TMPFS)
    return context.skip('the folder for temporary files is a tmpfs: its files cannot be given up');
  const limited = limitedGroup(limitBytes);
  if (typeof limited === 'string') return context.skip(limited);
  const { folder, version } = limited;
  try {
    const out = join(scratch(), 'out');
    // Its file is there once memprof has looked at the counters for the first time.
    const program = `
      const { appendFileSync, existsSync } = require('node:fs');
      const { setTimeout: wait } = require('node:timers/promises');
      (async () => {
        while (!existsSync('${out}/' + process.pid + '.1.mpr')) await wait(20);
        await wait(300);
        for (let i = 0; i < 20; i++) appendFileSync(process.argv[1], Buffer.alloc(16 << 20, 1));
        await wait(1000);
      })();`;
    const shell = `echo $$ > '${folder}/cgroup.procs' && exec '${process.execPath}' -e "$PROGRAM" '${join(root, 'big')}'`;
    const env = { ...process.env, PROGRAM: program };
    const { status, stderr } = await memprof(['run', '-o', out, '--', 'sh', '-c', shell], { env });
    expect(status, stderr).toBe(0);
    const failures =
      version === 1
        ? Number(readFileSync(join(folder, 'memory.failcnt'), 'latin1'))
        : Number(/^max (\d+)/m.exec(readFileSync(join(folder, 'memory.events'), 'latin1'))?.[1]);
    const profile = await buildProfile(out);
    const [cgroup, ...others] = summarize(profile, { memprofVersion: '0' }).cgroup;
    expect(others).toEqual([]);
    expect(failures).toBeGreaterThan(0);
    expect(cgroup).toMatchObject({ limitBytes, events: { max: failures, oom: 0, oomKill: 0 } });
    expect(cgroup?.usage.peak).toBeGreaterThan(0.5 * limitBytes);
    expect(cgroup?.usage.peak).toBeLessThanOrEqual(limitBytes);
    expect(profile.marks.some(({ kind, name }) => kind === 'cgroup-event' && name === 'max')).toBe(true);
  } finally {
    rmdirSync(folder);
  }
});
