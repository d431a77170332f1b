/** One glob, or several of which one must match. */
export type Patterns = string | readonly string[];

/** Conditions on one frame: all of them must hold for the same frame. */
export interface FrameMatch {
  /**
   * `llama_kv_cache::*`: C++ without template arguments, and without parameters unless the pattern has a `(`. JavaScript as the reports show
   * it: `KvCache.append`.
   */
  readonly function?: Patterns;
  /** File name of a binary, without its folder: `libonnxruntime.so*`. */
  readonly module?: Patterns;
  /** Path of a script. A pattern without `/` is compared with the file name. */
  readonly script?: Patterns;
  /** npm package that a script belongs to. */
  readonly package?: Patterns;
}

export const WHERES = ['anywhere', 'innermost', 'native', 'leaf'] as const;
export type Where = (typeof WHERES)[number];

/** All conditions that are given must hold. */
export interface Match extends FrameMatch {
  /**
   * Where the frame must be. `anywhere`, the default; `innermost`: between the allocation and the program's innermost JavaScript function,
   * which is included; `native`: in the native code that ran on top of the innermost JavaScript function, Node's own included; `leaf`: it asked
   * for the memory itself, wrappers such as `operator new` aside. Without JavaScript on the stack, `innermost` and `native` are all of it.
   */
  readonly where?: Where;
  /** A frame nearer to the root that must be there too; unless `where` is `anywhere`, up to the program's innermost JavaScript function. */
  readonly caller?: FrameMatch;
  readonly heap?: Patterns;
  /** Mapped file. A pattern without `/` is compared with the file name. */
  readonly file?: Patterns;
  /** The allocator's own word for the region: `glibc#*`, `v8:pages`. */
  readonly region?: Patterns;
}

/** The first rule that matches an allocation decides. */
export interface Rule {
  readonly name: string;
  readonly match: Match;
  readonly pool: string;
  /** The pool's name if left out. */
  readonly arena?: string;
  readonly stage?: string;
}
