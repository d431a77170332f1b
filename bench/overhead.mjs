#!/usr/bin/env node
/**
 * What memprof costs the program, beside heaptrack, jemalloc's and tcmalloc's own profilers, and valgrind's dhat, in one run.
 *
 *     node bench/overhead.mjs [--only malloc,buffers,onnx,llama,server,exec] [--rounds 15] [--json FILE]
 *                             [--pairs 20000000] [--gigabytes 10] [--tokens 160] [--requests 100] [--starts 200]
 *
 * CPU time is user and system time of the program and its children; memprof's own process, beside it and after it, is printed apart. heaptrack is measured
 * the same way: inside the program only. The allocators' profilers sample once in 512 KiB,
 * their default; memprof once in 64 KiB, with its cap on samples.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { has, output, ROOT, scratch } from './lib/process.mjs';
import { startReport } from './lib/report.mjs';
import { mallocSections } from './overhead/malloc.mjs';
import { programSection } from './overhead/programs.mjs';
import { missing } from './overhead/rivals.mjs';
import { serverSections } from './overhead/server.mjs';

const { options, section, finish } = startReport('overhead', {
  only: 'malloc,buffers,onnx,llama,server,exec',
  rounds: '15',
  pairs: '20000000',
  gigabytes: '10',
  tokens: '160',
  requests: '100',
  starts: '200',
});
const rounds = Number(options.rounds);
const workload = (name, ...args) => [process.execPath, join(ROOT, 'fixtures/workloads', name), ...args];

const BENCHES = {
  malloc: () => mallocSections({ rounds, count: Number(options.pairs) }),
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
  exec: execSections,
};

/** Programs that start programs: nearly all of it is start-up. */
async function execSections() {
  const storm = (id, title, command, cwd) =>
    programSection({ id, title, command, cwd, rounds, target: '1.5', withHeaptrack: false });
  const loop = (body) => ['sh', '-c', `i=0; while [ $i -lt ${options.starts} ]; do ${body}; i=$((i+1)); done`];
  const sections = [await storm('exec-shell', `a shell starts ${options.starts} programs`, loop('/bin/true'))];
  if (!has('git')) return sections;
  const repository = makeRepository();
  const git = loop('git status --short; git log --oneline -3 >/dev/null');
  return [...sections, await storm('exec-git', `${2 * options.starts} git commands`, git, repository)];
}

function makeRepository() {
  const repository = join(scratch, 'repository');
  mkdirSync(repository);
  const script = `git init -q && for i in 1 2 3 4 5; do echo $i > file-$i && git add . &&
    git -c user.name=bench -c user.email=bench@example.org commit -q -m "commit $i"; done`;
  output(['sh', '-c', script], process.env, repository);
  return repository;
}

for (const line of missing()) console.log(line);
for (const name of options.only.split(',')) {
  if (!(name in BENCHES)) throw new Error(`no part ${name}: choose from ${Object.keys(BENCHES).join(', ')}`);
  for (const each of await BENCHES[name]()) section(each);
}
finish();
