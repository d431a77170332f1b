import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Root of the installed package: this file is `dist/capture/artifacts.js` or `src/capture/artifacts.ts`. */
const PACKAGE_ROOT = new URL('../../', import.meta.url);

/** The native sampler for a platform, built on this machine or shipped, or undefined. */
export function findNativeLibrary(arch: string, libc: string): string | undefined {
  const target = `${process.platform}-${arch}-${libc}`;
  return packaged(`native/build/${target}/libmemprof.so`) ?? packaged(`native/prebuilt/${target}/libmemprof.so`);
}

/** The agent that Node loads with --require, or undefined. */
export function findAgent(): string | undefined {
  return packaged('dist/agent/preload.cjs');
}

function packaged(relativePath: string): string | undefined {
  const path = fileURLToPath(new URL(relativePath, PACKAGE_ROOT));
  return existsSync(path) ? path : undefined;
}
