/** Pairs of malloc and free, as quickly as it goes, on one thread and several: nanoseconds of CPU time a pair, by the program's own clock. */
import { join } from 'node:path';
import { compile, output, ROOT, scratch } from '../lib/process.mjs';
import { compare } from '../lib/report.mjs';
import { withSampler } from '../lib/run-directory.mjs';
import { allocators, dhat, heaptrack } from './rivals.mjs';

/** Slower than 10 times: they get fewer pairs, in fewer rounds. */
const HEAPTRACK_SHARE = 20;
const DHAT_SHARE = 100;
const SLOW_ROUNDS = 3;

export async function mallocSections({ rounds, count, threadCounts }) {
  const pairs = compile('pairs', [join(ROOT, 'native/test/programs/pairs.c')]);
  const floor = compile(
    'floor.so',
    [join(import.meta.dirname, 'floor.c')],
    ['-fPIC', '-shared', '-fvisibility=hidden'],
  );
  const sections = [];
  for (const threads of threadCounts) {
    const command = (share = 1) => [pairs, String(threads), String(Math.ceil(count / threads / share))];
    const run = (env) => Number(output(command(), env));
    const sides = {
      plain: () => run(process.env),
      'jumps alone': () => run({ ...process.env, LD_PRELOAD: floor }),
      memprof: () => withSampler({}, run),
      'memprof, 512 KiB': () => withSampler({ meanBytes: 512 * 1024, maxSamplesPerSecond: 0 }, run),
    };
    const bases = {};
    for (const [name, { plain, profiled }] of Object.entries(allocators)) {
      sides[name] = () => run(plain);
      sides[`${name} profiled`] = () => run(profiled);
      bases[`${name} profiled`] = name;
    }
    if (heaptrack) sides.heaptrack = () => Number(output(heaptrack(command(HEAPTRACK_SHARE))));
    if (dhat) sides['valgrind dhat'] = () => Number(output(dhat(command(DHAT_SHARE)), process.env, scratch));
    sections.push(
      await compare({
        id: `malloc-${threads}`,
        title: `malloc and free, ${threads} thread${threads > 1 ? 's' : ''}`,
        unit: 'ns a pair',
        rounds,
        limits: { heaptrack: SLOW_ROUNDS, 'valgrind dhat': SLOW_ROUNDS },
        sides,
        bases,
        added: true,
        targets: { memprof: '+1.0 ns' },
      }),
    );
  }
  return sections;
}
