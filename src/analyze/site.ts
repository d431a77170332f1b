import { baseName, type Frame, placeOf } from '../model/frames.js';

/** What a call path is about, in up to three frames: the code that asked, the line of the program that led there, and what it called. */
export interface Site {
  /** The native function that allocates, or Node's own JavaScript where that says more (`Buffer.alloc`). */
  readonly callee?: Frame;
  /** The leaf-most JavaScript frame that is not Node's own. */
  readonly js?: Frame;
  /** The leaf-most JavaScript frame of the program itself, where `js` belongs to a package. */
  readonly user?: Frame;
}

/** Frames that only pass an allocation on; what called them says more. */
const ALLOCATOR_WRAPPERS = [
  /^operator (new|delete)/,
  /^(__libc_|__interceptor_|_+)?(malloc|calloc|realloc|reallocarray|memalign|aligned_alloc|posix_memalign|valloc|pvalloc|strn?dup|v?asprintf|mmap(64)?|mremap|mprotect|sbrk|brk)(@|$)/,
  /^([\w: ]+ )?(std|__gnu_cxx)::.*(allocat|_M_|_Znwm|vector|basic_string|unordered_map|map<|deque|make_shared|make_unique|__shared_)/i,
  /^(alloc|__rust|__rg|__rdl)(::alloc|_alloc|_realloc)/,
  /alloc::raw_vec::|hashbrown::raw::/,
  /^uv__?(malloc|calloc|realloc)/,
  /^CRYPTO_(malloc|zalloc|realloc)/,
];

/** Where every stack begins. The C library's own frames rarely have symbols. */
const ROOTS = [
  /^_start$/,
  /^main$/,
  /^__libc_start/,
  /^(start_thread|clone3?|__clone)$/,
  /^(libc|ld-|libpthread)[^/]*\+0x/,
];

/** Frames of the engine between a JavaScript call and the code that it reaches. */
const ENGINE = [
  /^(non-virtual thunk to )?(v8|heap::base)::/,
  /^node::/,
  /^v8impl::/,
  /^napi_/,
  /^Napi::/,
  /^Nan::/,
  /^Builtins_/,
  /^\(anonymous namespace\)::v8impl::/,
  /^cppgc::/,
];

/** A test of a frame's name, made once for each: a profile has one frame object for a place and tens of thousands of paths. */
function namedLike(patterns: readonly RegExp[]): (frame: Frame) => boolean {
  const known = new WeakMap<Frame, boolean>();
  return (frame) => {
    let is = known.get(frame);
    if (is === undefined) {
      is = patterns.some((pattern) => pattern.test(frame.name));
      known.set(frame, is);
    }
    return is;
  };
}

const isWrapper = namedLike(ALLOCATOR_WRAPPERS);
const isRoot = namedLike(ROOTS);
const isEngine = namedLike(ENGINE);

const isCode = (frame: Frame): boolean => frame.kind === 'native' || frame.kind === 'synthetic';
const isNodesOwn = (frame: Frame): boolean => frame.file.startsWith('node:') || frame.file === '';
const isPackage = (frame: Frame): boolean => frame.file.includes('node_modules/');

/** Finds the frames worth showing. `frames` is the whole call path, the leaf first. */
export function siteOf(frames: readonly Frame[]): Site {
  const jsAt = frames.findIndex((frame) => frame.kind === 'js' && !isNodesOwn(frame));
  const js = frames[jsAt];
  const below = jsAt === -1 ? frames : frames.slice(0, jsAt);
  const callee = calleeOf(below, js !== undefined);
  const user = js && isPackage(js) ? frames.find((frame) => frame.kind === 'js' && isProgram(frame)) : undefined;
  return { ...(callee && { callee }), ...(js && { js }), ...(user && { user }) };
}

/**
 * `below` is what the JavaScript frame called, the leaf first; the whole call path where there is none. Frames of the engine do
 * not count below JavaScript: which of them there are depends on the compiler that V8 had used by then, and one line would
 * be two sites.
 */
function calleeOf(below: readonly Frame[], isBelowJs: boolean): Frame | undefined {
  const asks = (frame: Frame): boolean => isCode(frame) && !isWrapper(frame);
  const telling =
    below.find((frame) => asks(frame) && !isEngine(frame) && !isRoot(frame)) ??
    below.findLast((frame) => frame.kind === 'js' && frame.file !== '');
  if (telling !== undefined || isBelowJs) return telling;
  return below.find((frame) => asks(frame) && !isRoot(frame)) ?? below.find(asks) ?? below[0];
}

const isProgram = (frame: Frame): boolean => !isNodesOwn(frame) && !isPackage(frame);

/** `name file:line` or `name module`, for keys and one-line tables. Whether the line is exact makes no other place of it. */
export function describeFrame({ name, file, line, module }: Frame): string {
  const place = placeOf({ file, line }) || baseName(module);
  return place ? `${name} ${place}` : name;
}

/** The program's line first. */
export function framesOfSite({ user, js, callee }: Site): Frame[] {
  return [user, js, callee].filter((frame) => frame !== undefined);
}

/** Same site, same text. */
export function describeSite(site: Site): string {
  return framesOfSite(site).map(describeFrame).join(' > ') || '(no stack)';
}

/** One site of two with the same text: a line that is approximate in either is so in the result. */
export function mergeSites(a: Site, b: Site): Site {
  let merged = a;
  for (const role of ['callee', 'js', 'user'] as const) {
    const frame = b[role];
    if (frame?.approximate && a[role] && !a[role].approximate) merged = { ...merged, [role]: frame };
  }
  return merged;
}

/** Npm package of a JavaScript file, or the file itself. */
function packageOf(file: string): string {
  const inside = file.slice(file.lastIndexOf('node_modules/') + 'node_modules/'.length);
  if (!file.includes('node_modules/')) return file;
  return inside
    .split('/')
    .slice(0, inside.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The module that a call path's memory belongs to: the binary of the callee, else the package or file of the JavaScript. */
export function moduleOf(site: Site): string {
  if (site.callee?.module && !isEngine(site.callee)) return baseName(site.callee.module);
  if (site.js) return packageOf(site.js.file);
  if (site.callee?.module) return baseName(site.callee.module);
  // What we made up has no place, only a name.
  return site.callee?.file || site.callee?.name || '(unknown)';
}
