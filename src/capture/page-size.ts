import { readFileSync } from 'node:fs';

const AT_PAGESZ = 6n;
const USUAL_BYTES = 4096;

/** Bytes of a page: 4 KiB on x86-64, up to 64 KiB on arm64. Of the kernel, so that it is that of each process. */
export const PAGE_BYTES = pageBytesOf(readAuxiliary());

/** @param auxiliary the vector that the kernel gives a program: pairs of words. */
export function pageBytesOf(auxiliary: Buffer): number {
  for (let at = 0; at + 16 <= auxiliary.length; at += 16) {
    if (auxiliary.readBigUInt64LE(at) === AT_PAGESZ) return Number(auxiliary.readBigUInt64LE(at + 8));
  }
  return USUAL_BYTES;
}

function readAuxiliary(): Buffer {
  try {
    return readFileSync('/proc/self/auxv');
  } catch {
    return Buffer.alloc(0); // not mounted, or hidden: nothing else of a process can be read then
  }
}
