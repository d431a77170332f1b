/**
 * Telling from the code and the place of an allocation what it is for, where the program does not say so itself. What interpretation
 * asks for each call path, and what `rules/` answers.
 */

/** A frame as rules see it. */
export interface CodeFrame {
  /** Demangled C++ with its parameters, or the qualified name of a JavaScript function; '' where unknown. */
  readonly name: string;
  /** Path of the binary; '' for JavaScript. */
  readonly module: string;
  /** Path of the script, `node:...` for Node's own; '' for native code. */
  readonly script: string;
}

/** What is known of a frame once and for all. Only the recogniser that made it can read `rules` and `callers`. */
export interface FrameFacts {
  readonly isJavaScript: boolean;
  /** JavaScript that is not Node's own. */
  readonly isProgram: boolean;
  /** A wrapper of the allocator: `operator new`, the C++ library's containers. */
  readonly isWrapper: boolean;
  /** Rules, by number, that this frame would satisfy. */
  readonly rules: readonly number[];
  /** Rules, by number, whose caller this frame could be. */
  readonly callers: readonly number[];
}

/** Where an allocation lies, apart from the code that made it. */
export interface Place {
  readonly heap: string;
  /** Path of the file that a mapping shows. */
  readonly mappedFile?: string | undefined;
  /** The allocator's or V8's own word for the region: 'glibc#0', 'v8:pages'. */
  readonly region?: string | undefined;
}

/** The same object each time for the same rule. */
export interface Recognition {
  readonly pool: string;
  readonly arena: string;
  readonly stage?: string;
  /** Name of the rule. */
  readonly rule: string;
}

/** In three steps, each once for all that share it: a frame, a call path, a call path at a place. */
export interface Recogniser {
  frame(frame: CodeFrame): FrameFacts;
  /** Rules, by number, that a call path satisfies. @param frames leaf first. */
  path(frames: readonly FrameFacts[]): readonly number[];
  recognise(path: readonly number[], place: Place): Recognition | undefined;
}
