/** What the switches of `run` leave out, and what stays right without it. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { memprof, scratch } from '../cli/run-cli.ts';
import { inUse, NODES, profileOf, stacksOf } from './helpers.ts';

const BLOCK_BYTES = 1_000_003;
const HOLD = `globalThis.held = []; for (let i = 0; i < 41; i++) held.push(Buffer.alloc(${BLOCK_BYTES}))`;
const HELD_BYTES = 41 * BLOCK_BYTES;

describe.each(NODES)('Node $major', ({ major, path }) => {
  it('--no-v8: in use is what it was before teardown, and V8 pages have their stacks', async () => {
    const { profile, stderr, status } = await profileOf(join(scratch(), 'out'), [path, '-e', HOLD], {
      flags: ['--no-v8'],
    });
    expect(status).toBe(0);
    expect(stderr).not.toContain('no V8 samples');
    const native = stacksOf(profile).filter(({ sample }) => sample.labels.heap === 'libc.malloc');
    const held = inUse(native.filter(({ frames }) => frames.some(({ name }) => name === 'alloc')));
    expect(Math.abs(held.bytes / HELD_BYTES - 1)).toBeLessThan(0.01);
    const pages = stacksOf(profile).filter(({ sample }) => sample.labels.arena === 'v8:pages');
    expect(pages.length).toBeGreaterThan(3);
    expect(pages.every(({ frames }) => frames.length > 5)).toBe(true);
  });

  it('--no-native: V8 only', async () => {
    const { profile, status } = await profileOf(join(scratch(), 'out'), [path, '-e', HOLD], { flags: ['--no-native'] });
    expect(status).toBe(0);
    expect(new Set(profile.samples.map(({ labels }) => labels.heap)).has('libc.malloc')).toBe(false);
  });

  it('under the permission model the program runs, and one line says what is missing', async () => {
    const flag = major === '20' ? '--experimental-permission' : '--permission';
    const run = await memprof(['run', '-o', join(scratch(), 'out'), '--', path, flag, '-p', '1+1']);
    expect({ status: run.status, stdout: run.stdout }).toEqual({ status: 0, stdout: '2\n' });
    expect(run.stderr.match(/permission model, which refuses to load the agent/g)).toHaveLength(1);
  });
});
