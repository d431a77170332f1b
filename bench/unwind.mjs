#!/usr/bin/env node
/**
 * How complete the sampler's stacks are, and whether they are right.
 *
 *     node bench/unwind.mjs [--sample-bytes 4096] [--new-tokens 64] [--churn 300] [--every 101] [--json FILE]
 *
 * Root reach: inference programs and Node under the sampler without a cap; the share of samples whose stack goes through to the start of its thread, by the
 * binary that the allocation came from: the innermost frame that is not of the C or C++ library. Agreement: the same programs; at every so many mallocs
 * the stack is walked by the sampler's unwinder and by libunwind, and compared frame by frame up to the first code without an unwind table, which is
 * V8's: beyond it libunwind guesses (native/test/oracle.c; needs Debian's libunwind-dev).
 */
import { join } from 'node:path';
import { buildOracle, compareStacks } from '../native/test/oracle.mjs';
import { output, ROOT, scratch } from './lib/process.mjs';
import { startReport } from './lib/report.mjs';
import { withSampler } from './lib/run-directory.mjs';
import { sampledStacks } from './lib/store.mjs';

const { options, section, finish } = startReport('unwind', {
  'sample-bytes': '4096',
  'new-tokens': '64',
  churn: '300',
  every: '101',
});
const workload = (name, ...args) => [
  process.execPath,
  join(ROOT, 'fixtures/workloads', name),
  '--preset',
  'tiny',
  ...args,
];
const PROGRAMS = {
  'ONNX Runtime generates text': workload(
    'onnx-generate.mjs',
    '--requests',
    '2',
    '--new-tokens',
    options['new-tokens'],
  ),
  'llama.cpp generates text': workload('llama-generate.mjs', '--new-tokens', options['new-tokens']),
  'Node makes and drops functions': [process.execPath, join(ROOT, 'fixtures/js/churn.cjs'), options.churn],
};
const LIBRARIES = /\/(libc|libstdc\+\+|libm|libgcc_s|libdl|libpthread|ld-linux[\w-]*)[.-][^/]*$/;
/** The first that fits; JavaScript has no binary and is Node's. */
const CLASSES = {
  'ONNX Runtime': /onnxruntime/,
  'llama.cpp': /llama|ggml/,
  'Node and JavaScript': /^$|\/node[^/]*$/,
  others: /./,
};

function classOf({ modules }) {
  const innermost = modules.find((path) => !LIBRARIES.test(path)) ?? 'C library alone';
  return Object.keys(CLASSES).find((name) => CLASSES[name].test(innermost));
}

const percent = (part, whole) => (whole === 0 ? '' : `${((100 * part) / whole).toFixed(2)} %`);

const reach = new Map();
for (const command of Object.values(PROGRAMS)) {
  const settings = { meanBytes: Number(options['sample-bytes']), maxSamplesPerSecond: 0, v8: false };
  const stacks = await withSampler(settings, (env, directory) => {
    output(command, env);
    return sampledStacks(directory);
  });
  for (const stack of stacks) {
    const name = classOf(stack);
    const sum = reach.get(name) ?? { name, samples: 0, roots: 0, truncated: 0, frames: 0 };
    sum.samples += stack.samples;
    sum.frames += stack.samples * stack.modules.length;
    if (stack.reachesRoot) sum.roots += stack.samples;
    if (stack.truncated) sum.truncated += stack.samples;
    reach.set(name, sum);
  }
}
if (reach.size < 3) throw new Error(`samples of ${[...reach.keys()].join(', ')} alone`);
const classes = Object.keys(CLASSES).flatMap((name) => reach.get(name) ?? []);
section({
  id: 'root-reach',
  title: 'stacks that reach the start of their thread, by the binary that allocates',
  columns: ['', 'samples', 'frames a stack', 'reach the root', 'too deep'],
  rows: classes.map(({ name, samples, roots, truncated, frames }) => [
    name,
    String(samples),
    (frames / samples).toFixed(1),
    percent(roots, samples),
    percent(truncated, samples),
  ]),
  data: classes,
});

const oracle = buildOracle(scratch);
if (oracle === undefined) console.log('\nnot installed, agreement left out: libunwind-dev');
else {
  const data = Object.entries(PROGRAMS).map(([name, command]) => {
    const { status, details, ...counts } = compareStacks(oracle, command, {
      every: Number(options.every),
      directory: scratch,
    });
    if (status !== 0) throw new Error(`${command.join(' ')}: ended with ${status}: ${details}`);
    if (details !== '') console.log(details);
    return { name, ...counts };
  });
  section({
    id: 'libunwind',
    title: 'the same stacks by libunwind',
    columns: ['', 'stacks', 'frames compared', 'differ', 'agree'],
    rows: data.map(({ name, samples, frames, mismatches }) => [
      name,
      String(samples),
      String(frames),
      String(mismatches),
      percent(samples - mismatches, samples),
    ]),
    data,
  });
}
finish();
