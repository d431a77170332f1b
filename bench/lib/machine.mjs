/** The machine, as a result must name it. */
import { cpus, release, totalmem } from 'node:os';

export function machine() {
  const { glibcVersionRuntime: glibc } = process.report.getReport().header;
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: `Linux ${release().split('-')[0]}`,
    libc: glibc ? `glibc ${glibc}` : 'musl',
    node: process.version,
  };
}

export function machineLine({ cpu, cores, memoryGib, kernel, libc, node }) {
  return `${cpu}, ${cores} cores, ${memoryGib} GiB; ${kernel}, ${libc}, Node ${node.slice(1)}`;
}
