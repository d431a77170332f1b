import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { findAgent, findNativeLibrary } from '../capture/artifacts.js';
import { inspectExecutable } from '../capture/elf.js';
import { defaultCandidates } from '../capture/run-directory.js';
import { findBrowser } from '../report/open-page.js';
import { shortBytes } from '../ui/live-line.js';
import { trySampling } from './doctor-trial.js';

export interface CheckResult {
  readonly status: 'ok' | 'warn' | 'fail';
  readonly what: string;
  /** What to do about it. */
  readonly hint?: string;
}

export type Check = () => CheckResult | Promise<CheckResult>;

const MINIMUM_NODE = [20, 19] as const;
const WANTED_TMPFS_BYTES = 256 << 20;

/** All checks, in the order in which they are printed. */
export const CHECKS: readonly Check[] = [
  checkNode,
  checkPlatform,
  checkLibrary,
  checkCompiler,
  checkV8Sampler,
  checkTrial,
  checkTmpfs,
  checkLimits,
  checkKernel,
  checkBrowser,
];

function checkNode(): CheckResult {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isEnough = major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1]);
  const what = `Node ${process.versions.node}, V8 ${process.versions.v8}, ABI ${process.versions.modules}`;
  return isEnough ? { status: 'ok', what } : { status: 'fail', what, hint: 'memprof needs Node 20.19 or newer.' };
}

function libcOfNode(): string {
  return process.platform === 'linux' ? (inspectExecutable(process.execPath).libc ?? 'unknown') : 'none';
}

function checkPlatform(): CheckResult {
  const what = `${process.platform} ${process.arch}, C library ${libcOfNode()}`;
  const isKnown = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);
  if (isKnown && libcOfNode() === 'glibc') return { status: 'ok', what };
  return {
    status: 'warn',
    what,
    hint: 'The native sampler runs on Linux x64 and arm64 with glibc; here only the V8 heap is profiled.',
  };
}

function checkLibrary(): CheckResult {
  const library = findNativeLibrary(process.arch, libcOfNode());
  if (library === undefined) {
    return {
      status: 'fail',
      what: 'native sampler: not built',
      hint: 'Install a C compiler (apt install gcc), then: npm rebuild memprof',
    };
  }
  // ld.so complains on stderr if it cannot load a library, and goes on.
  const tried = spawnSync('/bin/true', { env: { LD_PRELOAD: library }, encoding: 'utf8' });
  const complaint = tried.stderr.trim() || tried.error?.message;
  return tried.status === 0 && !complaint
    ? { status: 'ok', what: 'native sampler: loads' }
    : {
        status: 'fail',
        what: `native sampler: does not load: ${complaint}`,
        hint: 'Build it again: npm rebuild memprof',
      };
}

function checkCompiler(): CheckResult {
  const found = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
  if (found !== undefined) return { status: 'ok', what: `C compiler: ${found}` };
  const isNeeded = findNativeLibrary(process.arch, libcOfNode()) === undefined;
  return {
    status: isNeeded ? 'fail' : 'warn',
    what: 'C compiler: none',
    hint: 'Only needed to build the native sampler: apt install gcc libc6-dev',
  };
}

function checkV8Sampler(): CheckResult {
  const what = `V8 sampler for ABI ${process.versions.modules}`;
  if (findAgent() === undefined)
    return { status: 'fail', what: `${what}: the agent is missing`, hint: 'npm rebuild memprof' };
  try {
    const home = dirname(createRequire(import.meta.url).resolve('@datadog/pprof/package.json'));
    const musl = libcOfNode() === 'musl' ? '.musl' : '';
    const file = `dd_pprof${musl}.node.abi${process.versions.modules}.node`;
    if (existsSync(join(home, 'prebuilds', `${process.platform}-${process.arch}`, file))) return { status: 'ok', what };
    const hint = 'Update memprof, or profile with Node 20, 22, 24 or 26. Native samples are not affected.';
    return { status: 'fail', what: `${what}: no prebuilt binary`, hint };
  } catch {
    return { status: 'fail', what: `${what}: @datadog/pprof is not installed`, hint: 'npm install' };
  }
}

async function checkTrial(): Promise<CheckResult> {
  const { nativeSamples, agentSaysHello, problem } = await trySampling();
  const what = `trial run of this Node: ${nativeSamples} native samples, agent ${agentSaysHello ? 'answers' : 'silent'}`;
  if (problem !== undefined)
    return { status: 'fail', what: `trial run of this Node: ${problem}`, hint: 'See the lines above.' };
  return nativeSamples > 0 && agentSaysHello
    ? { status: 'ok', what }
    : { status: 'fail', what, hint: 'See the lines above; if they are fine, please report it with this output.' };
}

function checkTmpfs(): CheckResult {
  const [folder = '/tmp'] = defaultCandidates().filter(existsSync);
  const stats = statfsSync(folder);
  const freeBytes = stats.bavail * stats.bsize;
  const what = `${folder}: ${shortBytes(freeBytes)} free`;
  if (!folder.startsWith('/dev/shm')) {
    return {
      status: 'warn',
      what: `no /dev/shm; ${what}`,
      hint: 'Processes start slower: mount a tmpfs there (docker run --shm-size=1g).',
    };
  }
  return freeBytes >= WANTED_TMPFS_BYTES
    ? { status: 'ok', what }
    : { status: 'warn', what, hint: 'A process needs a few MB to some 100 MB there: docker run --shm-size=1g' };
}

function checkLimits(): CheckResult {
  if (process.platform !== 'linux') return { status: 'ok', what: 'limits: not looked at' };
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const limited = [
    ['Max file size', 'ulimit -f'],
    ['Max address space', 'ulimit -v'],
  ].filter(([name]) => !new RegExp(`^${name}\\s+unlimited`, 'm').test(limits));
  if (limited.length === 0) return { status: 'ok', what: 'limits: none on file size and address space' };
  const names = limited.map(([, command]) => command).join(' and ');
  return {
    status: 'warn',
    what: `limits: ${names} set`,
    hint: `Samples may be missing; try: ${limited.map(([, c]) => `${c} unlimited`).join('; ')}`,
  };
}

function checkKernel(): CheckResult {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const what = `kernel ${release()}`;
  if (process.platform !== 'linux' || major > 5 || (major === 5 && minor >= 14)) return { status: 'ok', what };
  return {
    status: 'warn',
    what,
    hint: 'Before 5.14 a full /dev/shm is noticed late (no MADV_POPULATE_WRITE): keep space free there.',
  };
}

function checkBrowser(): CheckResult {
  const browser = findBrowser();
  if (browser !== undefined) return { status: 'ok', what: `browser: ${browser.command}` };
  return { status: 'warn', what: 'browser: none', hint: '`memprof open` prints an address to open elsewhere.' };
}
