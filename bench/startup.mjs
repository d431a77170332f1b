#!/usr/bin/env node
/**
 * What starting costs: programs that end at once, and programs that start programs.
 *
 *     node bench/startup.mjs [--only short,agent,exec] [--rounds 11] [--nodes 20,22,24,26] [--processes 10] [--starts 200] [--json FILE]
 *
 * short: `node -e 0` alone and under `memprof run`, as its user waits for it, all reports written; and `memprof --help`. agent: CPU time that the
 * agent adds to one Node process, of `--processes` in a row; with no run directory it does nothing. exec: a shell that starts programs, and git: CPU time
 * of the whole tree.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fixtureNode, has, MEMPROF, measured, output, ROOT, scratch } from './lib/process.mjs';
import { compare, startReport } from './lib/report.mjs';
import { withSampler } from './lib/run-directory.mjs';
import { programSection } from './overhead/programs.mjs';

const { options, section, finish } = startReport('startup', {
  only: 'short,agent,exec',
  rounds: '11',
  nodes: '20,22,24,26',
  processes: '10',
  starts: '200',
});
const rounds = Number(options.rounds);
const BENCHES = { short: perNode(shortRun), agent: perNode(agent), exec: execSections };

function perNode(make) {
  return async () => {
    const sections = [];
    for (const major of options.nodes.split(',')) sections.push(await make(major, fixtureNode(major)));
    return sections;
  };
}

function shortRun(major, node) {
  const wallMs = (...command) => measured(command).wallMs;
  const run = [node, MEMPROF, 'run', '-f', '-o', join(scratch, 'recording'), '--'];
  return compare({
    id: `short-${major}`,
    title: `node -e 0, Node ${major}`,
    unit: 'wall ms',
    digits: 0,
    rounds,
    sides: {
      plain: () => wallMs(node, '-e', '0'),
      'memprof run': () => wallMs(...run, node, '-e', '0'),
      'memprof --help': () => wallMs(node, MEMPROF, '--help'),
    },
    bases: { 'memprof --help': 'memprof --help' },
    added: true,
    targets: { 'memprof run': '+150 ms' },
  });
}

/** The agent without the native sampler, in a run directory as `memprof run` makes it. */
function agent(major, node) {
  const command = ['sh', '-c', loop('"$0" -e 0', options.processes), node];
  const cpuMs = (env) => measured(command, { env }).cpuMs / Number(options.processes);
  const preload = { NODE_OPTIONS: `--require ${join(ROOT, 'dist/agent/preload.cjs')}` };
  const inRunDirectory = (settings) =>
    withSampler(settings, ({ MEMPROF_RUN_DIR }) => cpuMs({ ...process.env, ...preload, MEMPROF_RUN_DIR }));
  return compare({
    id: `agent-${major}`,
    title: `the agent in one process, Node ${major}`,
    unit: 'CPU ms',
    rounds,
    sides: {
      plain: () => cpuMs(process.env),
      agent: () => inRunDirectory({}),
      'without V8 samples': () => inRunDirectory({ v8: false }),
      'no run directory': () => cpuMs({ ...process.env, ...preload }),
    },
    added: true,
  });
}

/** Programs that start programs: nearly all of it is start-up. */
async function execSections() {
  const storm = (id, title, command, cwd) =>
    programSection({ id, title, command, cwd, rounds, target: '1.5', withHeaptrack: false });
  const shell = ['sh', '-c', loop('/bin/true', options.starts)];
  const sections = [await storm('exec-shell', `a shell starts ${options.starts} programs`, shell)];
  if (!has('git')) return sections;
  const git = ['sh', '-c', loop('git status --short; git log --oneline -3 >/dev/null', options.starts)];
  return [...sections, await storm('exec-git', `${2 * options.starts} git commands`, git, makeRepository())];
}

function loop(body, times) {
  return `i=0; while [ $i -lt ${times} ]; do ${body}; i=$((i+1)); done`;
}

function makeRepository() {
  const repository = join(scratch, 'repository');
  mkdirSync(repository);
  const script = `git init -q && for i in 1 2 3 4 5; do echo $i > file-$i && git add . &&
    git -c user.name=bench -c user.email=bench@example.org commit -q -m "commit $i"; done`;
  output(['sh', '-c', script], process.env, repository);
  return repository;
}

for (const name of options.only.split(',')) {
  if (!(name in BENCHES)) throw new Error(`no part ${name}: choose from ${Object.keys(BENCHES).join(', ')}`);
  for (const each of await BENCHES[name]()) section(each);
}
finish();
