import { fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { driveFault } from '../../fixtures/workloads/drive.mjs';
import { PRESETS } from '../../fixtures/workloads/modelgen/presets.mjs';
import { FIXTURES, runtimesAreMissing } from './workloads.ts';

const MIB = 2 ** 20;
const CONNECTIONS = 4;
/** Every request: 16 tokens of prompt, 24 new ones; a step takes two scratch tensors. */
const STEPS = 24;

/** Runs the server with a fault, and checks what must hold under every fault. */
async function measure(fault: string, requests: number, preset = 'tiny') {
  const measured = await driveFault(fault, { requests, connections: CONNECTIONS, preset });
  expect(measured).toMatchObject({ errors: 0, exitCode: 0 });
  expect(measured.disconnected).toMatchObject({ requests, active: 0, faults: fault === 'none' ? [] : [fault] });
  expect(measured.disconnected.arenas.held).toBe(0);
  // The point of it all: a profile of V8's heap sees nothing.
  expect(measured.disconnected.memoryUsage.heapUsed).toBeLessThan(12 * MIB);

  // Node's own count of ArrayBuffers agrees with the pools' books; half a MiB for what Node itself has.
  for (const stats of [measured.connected, measured.disconnected]) {
    const { kvPool, tensorPool, arenas, memoryUsage } = stats;
    const pooled = kvPool.liveBytes + kvPool.freeBytes + tensorPool.freeBytes + arenas.heldBytes;
    expect(memoryUsage.arrayBuffers).toBeGreaterThanOrEqual(pooled);
    expect(memoryUsage.arrayBuffers).toBeLessThan(1.1 * pooled + 0.5 * MIB);
  }
  return measured;
}

/** Two halves; keys and values of every layer. */
function slabBytes(preset: keyof typeof PRESETS, tokens: number): number {
  const { layers, hidden } = PRESETS[preset];
  return 2 * 2 * layers * hidden * Float32Array.BYTES_PER_ELEMENT * tokens;
}

describe.skipIf(runtimesAreMissing())('the streaming server', { timeout: 120_000 }, () => {
  it('none: slabs and tensors are used again, nothing is held', async () => {
    const { kvPool, tensorPool } = (await measure('none', 200)).disconnected;
    expect(kvPool).toMatchObject({ liveSlabs: 0, liveBytes: 0, hits: 200 - kvPool.misses });
    expect(kvPool.misses).toBeLessThanOrEqual(CONNECTIONS);
    expect(tensorPool).toMatchObject({ hits: 200 * STEPS * 2 - tensorPool.misses, notGivenBack: 0 });
    expect(tensorPool.misses).toBeLessThanOrEqual(CONNECTIONS * 3);
  });

  it('LEAK_KV: one slab per request stays, 1 MiB each', async () => {
    const { kvPool } = (await measure('LEAK_KV', 100, 'small')).disconnected;
    expect(slabBytes('small', 64)).toBe(MIB);
    expect(kvPool).toMatchObject({ liveSlabs: 100, liveBytes: 100 * MIB, hits: 0, misses: 100 });
  });

  it('POOL_MISS: no tensor is ever used again', async () => {
    const { kvPool, tensorPool } = (await measure('POOL_MISS', 200)).disconnected;
    expect(tensorPool).toEqual({ hits: 0, misses: 9600, notGivenBack: 9600, freeBytes: 0 });
    expect(kvPool.liveSlabs).toBe(0);
  });

  it('LATE_FREE: the arena of every request is held until the connections close', async () => {
    const { connected, disconnected } = await measure('LATE_FREE', 200);
    expect(connected.arenas).toEqual({ held: 200, heldBytes: 200 * MIB, heldAfterRequest: 200 });
    expect(connected.memoryUsage.arrayBuffers - disconnected.memoryUsage.arrayBuffers).toBeGreaterThan(180 * MIB);
  });

  it('FRAGMENT: 97 lengths need 97 slabs, that only requests of the same length can use again', async () => {
    const { kvPool } = (await measure('FRAGMENT', 97)).disconnected;
    const lengths = Array.from({ length: 97 }, (_, extra) => 16 + STEPS + extra + Math.floor(extra / 2));
    const freeBytes = lengths.reduce((sum, length) => sum + slabBytes('tiny', length), 0);
    expect(kvPool).toEqual({ hits: 0, misses: 97, liveSlabs: 0, liveBytes: 0, freeSlabs: 97, freeBytes });
  });

  it('VARY: the same requests with slabs of common sizes need a tenth', async () => {
    const { kvPool } = (await measure('VARY', 97)).disconnected;
    expect(kvPool.misses).toBeLessThanOrEqual(3 * CONNECTIONS);
    expect(kvPool.freeBytes).toBeLessThanOrEqual(3 * CONNECTIONS * slabBytes('tiny', 192));
  });
});

describe.skipIf(runtimesAreMissing())('the server as a program', () => {
  async function startServer(environment: NodeJS.ProcessEnv = {}) {
    const server = fork(join(FIXTURES, 'workloads/sse-server.mjs'), {
      env: { ...process.env, PORT: '0', PRESET: 'tiny', ...environment },
      execArgv: [],
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    onTestFinished(() => void server.kill('SIGKILL'));
    const exited = once(server, 'exit');
    const [{ port }] = await once(server, 'message');
    return { server, exited, url: `http://127.0.0.1:${port}` };
  }

  it('lets a running answer end at SIGTERM, and exits with 0', async () => {
    const { server, exited, url } = await startServer();
    const response = await fetch(`${url}/generate?prompt=the+river&tokens=200`);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader?.read())?.value ?? '';
    server.kill('SIGTERM');
    for (let read = await reader?.read(); read?.value !== undefined; read = await reader?.read()) text += read.value;
    expect(text.match(/^data: \{"text":".+"\}$/gm)).toHaveLength(200);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(await exited).toEqual([0, null]);
  });

  it('gives back the memory of a client that went away', async () => {
    const { url } = await startServer();
    const stats = async () => await (await fetch(`${url}/stats`)).json();
    const request = http.get(`${url}/generate?prompt=the+river&tokens=400`);
    const [response] = await once(request, 'response');
    await once(response, 'data');
    expect(await stats()).toMatchObject({ active: 1, kvPool: { liveSlabs: 1 } });
    request.destroy();
    await expect.poll(stats).toMatchObject({ active: 0, kvPool: { liveSlabs: 0 }, arenas: { held: 0 } });
  });

  it('answers what it cannot do', async () => {
    const { url } = await startServer();
    const tooLong = await (await fetch(`${url}/generate?prompt=the+river&tokens=5000`)).text();
    expect(tooLong).toBe('event: error\ndata: {"message":"5003 tokens: the model takes 512"}\n\n');
    const elsewhere = await fetch(`${url}/elsewhere`);
    expect([elsewhere.status, await elsewhere.text()]).toEqual([404, expect.stringContaining('/generate')]);
  });
});
