#!/usr/bin/env node
/**
 * What memprof costs the program, beside heaptrack, jemalloc's and tcmalloc's own profilers, and valgrind's dhat, in one run.
 *
 *     node bench/overhead.mjs [--only malloc,buffers,onnx,llama,server] [--rounds 15] [--json FILE]
 *                             [--pairs 20000000] [--threads 1,2,4,8] [--gigabytes 10] [--tokens 160] [--requests 100]
 *
 * CPU time is user and system time of the program and its children; memprof's own process, beside it and after it, is printed apart. heaptrack is measured
 * the same way: inside the program only. The allocators' profilers sample once in 512 KiB,
 * their default; memprof once in 64 KiB, with its cap on samples.
 */
import { join } from 'node:path';
import { ROOT } from './lib/process.mjs';
import { startReport } from './lib/report.mjs';
import { mallocSections } from './overhead/malloc.mjs';
import { programSection } from './overhead/programs.mjs';
import { missing } from './overhead/rivals.mjs';
import { serverSections } from './overhead/server.mjs';

const { options, section, finish } = startReport('overhead', {
  only: 'malloc,buffers,onnx,llama,server',
  rounds: '15',
  pairs: '20000000',
  threads: '1,2,4,8',
  gigabytes: '10',
  tokens: '160',
  requests: '100',
});
const rounds = Number(options.rounds);
const workload = (name, ...args) => [process.execPath, join(ROOT, 'fixtures/workloads', name), ...args];

const BENCHES = {
  malloc: () =>
    mallocSections({ rounds, count: Number(options.pairs), threadCounts: options.threads.split(',').map(Number) }),
  buffers: async () => [
    await programSection({
      id: 'buffers',
      title: `Node Buffers of 20 to 40 KB, ${options.gigabytes} GB at full speed`,
      command: [process.execPath, join(import.meta.dirname, 'overhead/buffers.mjs'), options.gigabytes],
      rounds,
      target: '1.05',
    }),
  ],
  onnx: async () => [
    await programSection({
      id: 'onnx',
      title: 'ONNX Runtime generates text',
      command: workload('onnx-generate.mjs', '--requests', '8', '--new-tokens', options.tokens),
      rounds,
      target: '1.02',
    }),
  ],
  llama: async () => [
    await programSection({
      id: 'llama',
      title: 'llama.cpp generates text',
      command: workload('llama-generate.mjs', '--new-tokens', options.tokens),
      rounds,
      target: '1.02',
    }),
  ],
  server: () => serverSections({ rounds, requests: Number(options.requests), target: '1.02' }),
};

for (const line of missing()) console.log(line);
for (const name of options.only.split(',')) {
  if (!(name in BENCHES)) throw new Error(`no part ${name}: choose from ${Object.keys(BENCHES).join(', ')}`);
  for (const each of await BENCHES[name]()) section(each);
}
finish();
