/** The profilers that Debian has, and the ways to start a program under each. What is not installed is left out and named. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { has, MEMPROF, scratch } from '../lib/process.mjs';

const LIBRARIES = '/usr/lib/x86_64-linux-gnu';
const HEAPTRACK = ['/usr/lib/heaptrack', `${LIBRARIES}/heaptrack`]
  .map((folder) => join(folder, 'libheaptrack_preload.so'))
  .find(existsSync);
/** The allocators, each alone and with its own profiler, which samples once in 512 KiB: the default of both. */
const ALLOCATORS = {
  jemalloc: { library: `${LIBRARIES}/libjemalloc.so.2`, package: 'libjemalloc2' },
  tcmalloc: { library: `${LIBRARIES}/libtcmalloc.so.4`, package: 'libgoogle-perftools4' },
};
const PROFILED = {
  jemalloc: { MALLOC_CONF: 'prof:true,prof_active:true,prof_final:false,lg_prof_sample:19' },
  tcmalloc: { TCMALLOC_SAMPLE_PARAMETER: String(512 * 1024) },
};

/** Starts a command under `memprof run` with its defaults and all its reports. */
export const underMemprof = (command) => [
  process.execPath,
  MEMPROF,
  'run',
  '-q',
  '-f',
  '-o',
  join(scratch, 'recording'),
  '--',
  ...command,
];

/**
 * A command that heaptrack records, without its interpreter beside; undefined without heaptrack. By way of env(1), because heaptrack does not follow a
 * process that it is loaded into to the next program.
 */
export const heaptrack =
  HEAPTRACK &&
  ((command) => [
    'env',
    `LD_PRELOAD=${HEAPTRACK}`,
    `DUMP_HEAPTRACK_OUTPUT=${join(scratch, 'heaptrack.raw')}`,
    ...command,
  ]);

/** A command under valgrind's dhat; undefined without valgrind. */
export const dhat =
  has('valgrind') &&
  ((command) => ['valgrind', '--tool=dhat', '-q', `--dhat-out-file=${join(scratch, 'dhat.json')}`, ...command]);

/** The environments of the allocators that are there: `{ jemalloc: { plain, profiled }, ... }`. */
export const allocators = Object.fromEntries(
  Object.entries(ALLOCATORS)
    .filter(([, { library }]) => existsSync(library))
    .map(([name, { library }]) => {
      const plain = { ...process.env, LD_PRELOAD: library };
      return [name, { plain, profiled: { ...plain, ...PROFILED[name] } }];
    }),
);

/** One line for each package that is not installed. */
export function missing() {
  const packages = [
    !heaptrack && 'heaptrack',
    !dhat && 'valgrind',
    ...Object.entries(ALLOCATORS).map(([name, { package: debian }]) => !(name in allocators) && debian),
  ];
  return packages.filter(Boolean).map((name) => `not installed, left out: ${name}`);
}
