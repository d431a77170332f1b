import { baseName, type Frame, locationReader, NO_STACK, placeOf } from '../model/frames.js';
import { numberByText } from '../model/numbering.js';
import type { Profile } from '../model/profile.js';

/** What a call path is about, in up to three frames: the code that asked, the line of the program that led there, and what it called. */
export interface Site {
  /** The native function that allocates, or Node's own JavaScript where that says more (`Buffer.alloc`). */
  readonly callee?: Frame;
  /** The leaf-most JavaScript frame that is not Node's own. */
  readonly js?: Frame;
  /** The leaf-most JavaScript frame of the program itself, where `js` belongs to a package. */
  readonly user?: Frame;
}

/** `name file:line` or `name module`, for keys and one-line tables. Whether the line is exact makes no other place of it. */
export function describeFrame({ name, file, line, module }: Frame): string {
  const place = placeOf({ file, line }) || baseName(module);
  return place ? `${name} ${place}` : name;
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

const isLike = (patterns: readonly RegExp[], { name }: Frame): boolean =>
  patterns.some((pattern) => pattern.test(name));

export const isEngine = (frame: Frame): boolean => isLike(ENGINE, frame);

const isNodesOwn = (frame: Frame): boolean => frame.file.startsWith('node:') || frame.file === '';
const isPackage = (frame: Frame): boolean => frame.file.includes('node_modules/');

/** What is to be known of a frame, found out once: a profile has one frame object for a place and tens of thousands of paths. */
interface KnownFrame {
  readonly frame: Frame;
  /** That of all frames with the same text; found out where it matters. */
  number?: number;
  /** JavaScript that is not Node's own. */
  readonly isJs: boolean;
  readonly isProgram: boolean;
  /** Node's own JavaScript. */
  readonly isNodeJs: boolean;
  /** Says by itself what memory is for; found out where it matters. */
  isTelling?: boolean;
}

function know(frame: Frame): KnownFrame {
  const isJs = frame.kind === 'js' && !isNodesOwn(frame);
  return {
    frame,
    isJs,
    isProgram: isJs && !isPackage(frame),
    isNodeJs: frame.kind === 'js' && !isJs && frame.file !== '',
  };
}

/** Code that asks for memory, not one that only passes an allocation on. */
const asks = (frame: Frame): boolean =>
  (frame.kind === 'native' || frame.kind === 'synthetic') && !isLike(ALLOCATOR_WRAPPERS, frame);
const isRoot = (frame: Frame): boolean => isLike(ROOTS, frame);

function isTelling(known: KnownFrame): boolean {
  known.isTelling ??= asks(known.frame) && !isRoot(known.frame) && !isEngine(known.frame);
  return known.isTelling;
}

/** Finds the frames worth showing of a profile's call paths. */
export interface SiteReader {
  /** The same text for sites that look the same: only those shown get a readable one. @param stack location ids, the leaf first. */
  keyOf(stack: readonly number[]): string;
  siteOf(stack: readonly number[]): Site;
}

export function siteReader(profile: Profile): SiteReader {
  const framesAt = locationReader(profile);
  const known = new Array<readonly KnownFrame[] | undefined>(profile.locations.size + 1);
  const numberOf = numberByText(describeFrame);
  const noStack = [know(NO_STACK)];
  let [callee, js, user]: (KnownFrame | undefined)[] = [];

  function knownAt(id: number): readonly KnownFrame[] {
    let frames = known[id];
    if (frames === undefined) {
      frames = framesAt(id).map(know);
      known[id] = frames;
    }
    return frames;
  }

  /**
   * Sets the three frames. The callee is what the JavaScript frame called, the leaf first; of the whole call path where there is none.
   * Frames of the engine do not count below JavaScript: which of them there are depends on the compiler that V8 had used by then, and
   * one line would be two sites.
   */
  function find(stack: readonly number[]): void {
    let telling: KnownFrame | undefined;
    let nodeJs: KnownFrame | undefined;
    js = undefined;
    user = undefined;
    for (let at = 0; at < stack.length && user === undefined; at++) {
      for (const frame of knownAt(stack[at] ?? 0)) {
        if (js === undefined) {
          if (frame.isJs) js = frame;
          else if (frame.isNodeJs) nodeJs = frame;
          else if (telling === undefined && isTelling(frame)) telling = frame;
        }
        if (frame.isProgram) {
          user = frame;
          break;
        }
      }
    }
    if (user === js) user = undefined;
    callee = telling ?? nodeJs;
    if (callee !== undefined || js !== undefined) return;
    const frames = stack.length === 0 ? noStack : stack.flatMap(knownAt);
    const asking = frames.filter(({ frame }) => asks(frame));
    callee = asking.find(({ frame }) => !isRoot(frame)) ?? asking[0] ?? frames[0];
  }

  function numberAt(frame: KnownFrame | undefined): number {
    if (frame === undefined) return -1;
    frame.number ??= numberOf(frame.frame);
    return frame.number;
  }

  return {
    keyOf(stack) {
      find(stack);
      return `${numberAt(user)} ${numberAt(js)} ${numberAt(callee)}`;
    },
    siteOf(stack) {
      find(stack);
      return {
        ...(callee && { callee: callee.frame }),
        ...(js && { js: js.frame }),
        ...(user && { user: user.frame }),
      };
    },
  };
}
