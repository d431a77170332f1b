import { statSync } from 'node:fs';
import type { ManifestNotice } from '../recording/manifest.js';
import { findAgent, findNativeLibrary } from './artifacts.js';
import type { ResolvedCommand } from './resolve-command.js';

/** What can be brought into a program, and what people should know about the rest. */
export interface Preflight {
  /** libmemprof.so for LD_PRELOAD; absent: no native samples. */
  readonly library?: string;
  /** The agent for --require; absent: no V8 samples. */
  readonly agent?: string;
  readonly notices: readonly ManifestNotice[];
}

export interface PreflightWishes {
  readonly native: boolean;
  readonly v8: boolean;
  /** The program's arguments and its NODE_OPTIONS: looked at for Node's permission model, and forgotten. */
  readonly args?: readonly string[];
  readonly nodeOptions?: string | undefined;
}

/** Where libmemprof.so runs today. */
const NATIVE_ARCHES: readonly string[] = ['x64', 'arm64'];

/**
 * Looks at the command before it runs. Nothing here stops it: a program that cannot be sampled runs all the same, and
 * the notices say what will be missing.
 */
export function preflight(command: ResolvedCommand, wishes: PreflightWishes): Preflight {
  const notices: ManifestNotice[] = [];
  const agent = chooseAgent(wishes, notices);
  const library = wishes.native ? chooseLibrary(command, notices) : undefined;
  return { ...(library !== undefined && { library }), ...(agent !== undefined && { agent }), notices };
}

const PERMISSION_MODEL = /^--(?:experimental-)?(?:permission|policy)(?:=|$)/;

/** Without V8 samples it is still needed: it tells the native sampler when Node begins to take itself apart. */
function chooseAgent(wishes: PreflightWishes, notices: ManifestNotice[]): string | undefined {
  const lose = (code: string, why: string): undefined => {
    const what = wishes.v8 ? 'no V8 samples' : 'in-use memory is that after teardown';
    notices.push({ code, message: `${what}: ${why}` });
    return undefined;
  };
  const args = wishes.args ?? [];
  const script = args.findIndex((arg) => !arg.startsWith('-'));
  const options = [...args.slice(0, script === -1 ? args.length : script), ...(wishes.nodeOptions ?? '').split(/\s+/)];
  if (options.some((option) => PERMISSION_MODEL.test(option))) {
    return lose('PERMISSION_MODEL', "the program runs under Node's permission model, which refuses to load the agent");
  }
  const agent = findAgent();
  return agent ?? lose('AGENT_MISSING', 'dist/agent/preload.cjs is missing here; try `npm rebuild memprof`');
}

function chooseLibrary(command: ResolvedCommand, notices: ManifestNotice[]): string | undefined {
  const refuse = (code: string, reason: string): undefined => {
    notices.push({ code, message: `no native samples: ${reason}` });
    return undefined;
  };
  if (process.platform !== 'linux') {
    return refuse('PLATFORM_UNSUPPORTED', `the native sampler runs on Linux, not on ${process.platform}`);
  }
  const { executable, name } = command;
  const isElf = executable?.format === 'elf';
  const arch = (isElf ? executable.arch : undefined) ?? process.arch;
  if (!NATIVE_ARCHES.includes(arch)) {
    return refuse(
      'ARCH_UNSUPPORTED',
      `${name} is built for ${arch}, the native sampler for ${NATIVE_ARCHES.join(', ')}`,
    );
  }
  const libc = isElf ? executable.libc : 'glibc';
  if (libc === 'unknown') {
    return refuse('LIBC_UNSUPPORTED', `${name} uses a C library that memprof does not know; glibc is supported`);
  }
  // A static program ignores LD_PRELOAD, but those that it starts may not.
  const library = findNativeLibrary(arch, libc === 'musl' ? 'musl' : 'glibc');
  if (libc === 'none') {
    refuse('STATIC_BINARY', `${name} is statically linked, so LD_PRELOAD does not reach it; what it starts is sampled`);
  } else if (library === undefined) {
    const missing = `libmemprof.so for ${process.platform}-${arch}-${libc ?? 'glibc'} is not here`;
    return libc === 'musl'
      ? refuse('LIBC_UNSUPPORTED', `${name} uses musl and ${missing}; glibc is supported`)
      : refuse(
          'NATIVE_MISSING',
          `${missing}; install a C compiler, then \`npm rebuild memprof\`, or see \`memprof doctor\``,
        );
  } else if (raisesPrivileges(command.executablePath)) {
    refuse('SETUID', `${name} is set-user-ID or set-group-ID, and the loader ignores LD_PRELOAD; run it as its owner`);
  }
  return library;
}

/** Whether ld.so(8) will go into secure-execution mode. File capabilities do that too; Node cannot read them. */
function raisesPrivileges(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return false;
  const changesUser = (stats.mode & 0o4000) !== 0 && stats.uid !== process.getuid?.();
  const changesGroup = (stats.mode & 0o2000) !== 0 && stats.gid !== process.getgid?.();
  return changesUser || changesGroup;
}
