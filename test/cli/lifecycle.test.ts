import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CHUNK } from '../../src/recording/chunks.ts';
import { HEADER, REGION, REGIONS } from '../../src/recording/wire.ts';
import { jsonOf, type RawChunk, readChunks } from '../capture/read-chunks.ts';
import { MEMPROF, memprof, readManifest, scratch, start } from './run-cli.ts';

const node = process.execPath;
const END = 0;
const TIMER = 1;
const DEMAND = 2;
const PEAK = 3;

function chunksOf(folder: string, file = readManifest(folder).files.at(-1)): RawChunk[] {
  if (file === undefined) throw new Error('nothing recorded');
  return readChunks(join(folder, file));
}

const ofType = (chunks: readonly RawChunk[], type: number): RawChunk[] => chunks.filter((chunk) => chunk.type === type);

function snapshots(chunks: readonly RawChunk[]): { reason: number; complete: number; live: number }[] {
  return ofType(chunks, CHUNK.snapshot).map(({ payload }) => ({
    reason: payload.readUInt32LE(0),
    complete: payload.readUInt32LE(4),
    live: Number(payload.readBigUInt64LE(24)),
  }));
}

/** Where this run keeps its stores. */
const runDirectoryOf = (folder: string): string => readManifest(folder).runDirectory ?? 'none';

/** Waits for a snapshot in the recording of a program that goes on. */
async function untilSnapshot(folder: string, reason: number, leastLive = 0): Promise<void> {
  const isThere = (): boolean =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.mpr'))
      .flatMap((name) => snapshots(readChunks(join(folder, name))))
      .some((snapshot) => snapshot.reason === reason && snapshot.live >= leastLive);
  await expect.poll(isThere, { timeout: 60_000, interval: 100 }).toBe(true);
}

/** The program goes on until its input ends. */
const UNTIL_TOLD = `process.stdin.resume().once('end', () => process.exit(0));`;

const GROW = `
  const keep = [];
  const timer = setInterval(() => {
    for (let i = 0; i < 32; i++) keep.push(Buffer.alloc(70001, 1));
    if (keep.length >= 640) { clearInterval(timer); console.log('grown'); }
  }, 50);`;

describe('what a run leaves', () => {
  test('a folder 0700 with files 0600, a whole chunk stream, and no run directory', async () => {
    const out = join(scratch(), 'out');
    const before = new Set(readdirSync('/dev/shm'));
    const { status } = await memprof(['run', '-q', '-o', out, '--', node, '-e', GROW]);
    expect(status).toBe(0);
    expect(statSync(out).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(out)) expect(statSync(join(out, file)).mode & 0o777, file).toBe(0o600);
    const chunks = chunksOf(out);
    expect(chunks[0]?.type).toBe(CHUNK.process);
    expect(jsonOf(ofType(chunks, CHUNK.process).at(-1))).toMatchObject({
      pid: readManifest(out).program.pid,
      name: 'node',
    });
    expect(jsonOf(ofType(chunks, CHUNK.end)[0])).toMatchObject({ exitCode: 0, signal: null });
    expect(jsonOf(ofType(chunks, CHUNK.maps)[0]).text).toMatch(/^[0-9a-f]+-[0-9a-f]+ r-xp .*\/node$/m);
    const all = snapshots(chunks);
    expect(all.at(-1)).toMatchObject({ reason: END, complete: 1 });
    expect(all.at(-1)?.live).toBeGreaterThan(300);
    expect(all.some(({ reason }) => reason === PEAK)).toBe(true);
    expect(readdirSync('/dev/shm').filter((name) => !before.has(name) && name.includes(`-${process.pid}-`))).toEqual(
      [],
    );
    expect(readManifest(out).runDirectory).toBeUndefined();
  });

  test('every event that the store counted is in the recording', async () => {
    const out = join(scratch(), 'out');
    await memprof(['run', '-q', '-o', out, '--', node, '-e', GROW]);
    const chunks = chunksOf(out);
    let next = 0n;
    for (const { payload } of ofType(chunks, CHUNK.events)) {
      expect(payload.readBigUInt64LE(0)).toBe(next + payload.readBigUInt64LE(8));
      next = payload.readBigUInt64LE(0) + BigInt((payload.length - 16) / 64);
    }
    const header = ofType(chunks, CHUNK.header).at(-1)?.payload;
    const ring = HEADER.regions + REGIONS.indexOf('ring') * REGION.bytes;
    expect(next).toBe(header?.readBigUInt64LE(ring + 24));
  });

  test('regions are gapless and as long as the header says', async () => {
    const out = join(scratch(), 'out');
    await memprof(['run', '-q', '-o', out, '--', node, '-e', GROW]);
    const chunks = chunksOf(out);
    const header = ofType(chunks, CHUNK.header).at(-1)?.payload;
    const copied = [0n, 0n, 0n, 0n];
    for (const { payload } of ofType(chunks, CHUNK.region)) {
      const region = payload.readUInt32LE(0);
      expect(payload.readBigUInt64LE(8)).toBe(copied[region]);
      const recordBytes = header?.readUInt32LE(HEADER.regions + region * 32 + 16) || 1;
      copied[region] = (copied[region] ?? 0n) + BigInt((payload.length - 16) / recordBytes);
    }
    expect(copied).toEqual([0, 1, 2, 3].map((region) => header?.readBigUInt64LE(HEADER.regions + region * 32 + 24)));
    expect(copied[3]).toBeGreaterThan(100n);
  });
});

describe('ends', () => {
  test('kill -9 of the program: the recording has its last moment', async () => {
    const out = join(scratch(), 'out');
    const running = start(node, [
      MEMPROF,
      'run',
      '-q',
      '-o',
      out,
      '--',
      node,
      '-e',
      `${GROW} setInterval(() => {}, 999)`,
    ]);
    await running.prints('grown');
    process.kill(readManifest(out).program.pid, 'SIGKILL');
    expect(await running.ended).toMatchObject({ status: null, signal: 'SIGKILL' });
    const chunks = chunksOf(out);
    expect(jsonOf(ofType(chunks, CHUNK.end)[0])).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
    expect(snapshots(chunks).at(-1)).toMatchObject({ reason: END, complete: 1 });
    expect(snapshots(chunks).at(-1)?.live).toBeGreaterThan(300);
  });

  test('kill -9 of memprof: the program goes on, and what was drained can be read', async () => {
    const folder = scratch();
    const out = join(folder, 'out');
    const survived = JSON.stringify(join(folder, 'survived'));
    const survivor = `${GROW} process.on('exit', () => require('fs').writeFileSync(${survived}, 'yes')); ${UNTIL_TOLD}`;
    const running = start(node, [MEMPROF, 'run', '-q', '-o', out, '--', node, '-e', survivor]);
    await running.prints('grown');
    const runDirectory = runDirectoryOf(out);
    await untilSnapshot(out, PEAK, 101);
    running.child.kill('SIGKILL');
    if (running.child.signalCode === null) await once(running.child, 'exit');
    running.child.stdin?.end();
    expect((await running.ended).signal).toBe('SIGKILL');
    const manifest = readManifest(out);
    expect(manifest.endedAtNs).toBeUndefined();
    expect(readFileSync(join(folder, 'survived'), 'utf8')).toBe('yes');
    const [file] = readdirSync(out).filter((name) => name.endsWith('.mpr'));
    const chunks = chunksOf(out, file);
    expect(ofType(chunks, CHUNK.events).length).toBeGreaterThan(0);
    expect(snapshots(chunks).some(({ reason, live }) => reason === PEAK && live > 100)).toBe(true);
    expect(existsSync(runDirectory)).toBe(true);
    // The next run finds the stale directory and removes it.
    await memprof(['run', '-q', '-o', join(folder, 'next'), '--', 'true']);
    expect(existsSync(runDirectory)).toBe(false);
    rmSync(runDirectory, { recursive: true, force: true });
  });

  test('a child that outlives the program is left running, and recorded up to then', async () => {
    const folder = scratch();
    const out = join(folder, 'out');
    const late = `
      const fs = require('fs');
      const keep = Buffer.alloc(3000017, 1);
      fs.writeFileSync('held', '');
      const timer = setInterval(() => {
        if (!fs.existsSync('go-on')) return;
        clearInterval(timer);
        fs.writeFileSync('late', String(keep.length));
      }, 20);`;
    const script = `
      require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(late)}], { detached: true, stdio: 'ignore' }).unref();
      const timer = setInterval(() => require('fs').existsSync('held') && clearInterval(timer), 20);`;
    const { status } = await memprof(['run', '-q', '-o', out, '--', node, '-e', script], { cwd: folder });
    expect(status).toBe(0);
    const manifest = readManifest(out);
    expect(manifest.notices.map(({ code }) => code)).toContain('STILL_RUNNING');
    const ends = manifest.files.map((file) => snapshots(chunksOf(out, file)).at(-1));
    expect(ends.map((end) => end?.complete).sort()).toEqual([0, 1]);
    writeFileSync(join(folder, 'go-on'), '');
    await expect.poll(() => existsSync(join(folder, 'late')), { timeout: 20_000 }).toBe(true);
    expect(readFileSync(join(folder, 'late'), 'utf8')).toBe('3000017');
  });
});

describe('snapshots', () => {
  test('on SIGUSR2 to memprof, which the program does not notice', async () => {
    const out = join(scratch(), 'out');
    const script = `process.on('SIGUSR2', () => console.log('noticed')); ${GROW} ${UNTIL_TOLD}`;
    const running = start(node, [MEMPROF, 'run', '-q', '-o', out, '--', node, '-e', script]);
    await running.prints('grown');
    running.child.kill('SIGUSR2');
    await untilSnapshot(out, DEMAND);
    running.child.stdin?.end();
    expect((await running.ended).stdout).toBe('grown\n');
    expect(snapshots(chunksOf(out)).map(({ reason }) => reason)).toContain(DEMAND);
  });

  test('by time', async () => {
    const out = join(scratch(), 'out');
    const running = start(node, [
      MEMPROF,
      'run',
      '-q',
      '--snapshot-every',
      '1',
      '-o',
      out,
      '--',
      node,
      '-e',
      `${GROW} ${UNTIL_TOLD}`,
    ]);
    await running.prints('grown');
    await untilSnapshot(out, TIMER);
    running.child.stdin?.end();
    expect((await running.ended).status).toBe(0);
  });
});

describe('process trees', () => {
  test('a storm of 200 short children: those without samples leave nothing but a count', async () => {
    const out = join(scratch(), 'out');
    const script = 'i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done; echo stormed';
    const { status, stdout } = await memprof(['run', '-q', '-o', out, '--', 'sh', '-c', script]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'stormed\n' });
    const { files, emptyProcesses } = readManifest(out);
    expect(files.length + emptyProcesses).toBe(201);
    expect(readdirSync(out).filter((name) => name.endsWith('.mpr')).length).toBe(files.length);
    for (const file of files) expect(jsonOf(ofType(chunksOf(out, file), CHUNK.end)[0])).toBeDefined();
  });

  test('a shell that execs node: two images of one pid', async () => {
    const out = join(scratch(), 'out');
    const { stdout } = await memprof(['run', '-q', '-o', out, '--', 'sh', '-c', `exec "${node}" -p 'process.pid'`]);
    const { program, files } = readManifest(out);
    expect(stdout.trim()).toBe(String(program.pid));
    expect(files).toContain(`${program.pid}.1.mpr`);
    expect(jsonOf(ofType(chunksOf(out, `${program.pid}.1.mpr`), CHUNK.process).at(-1))).toMatchObject({
      name: 'node',
      execOrdinal: 1,
    });
  });
});
