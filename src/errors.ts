/** Exit codes of memprof itself; `run` otherwise returns the program's own, as env(1) does. */
export const EXIT = {
  ok: 0,
  /** `gate`: more memory than the base, or than a budget allows. */
  regression: 1,
  /** Bad usage or unreadable input of any command but `run`. */
  usage: 2,
  /** `gate`: the runs do not tell. */
  inconclusive: 3,
  /** `run`: memprof failed before the program was started. */
  failed: 125,
  notExecutable: 126,
  notFound: 127,
} as const;

export interface MemprofErrorOptions {
  /** Stable, greppable, e.g. 'RECORDING_NOT_FOUND'. */
  readonly code: string;
  readonly exitCode: number;
  /** What to try next; one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** The one error type for what can go wrong in ways we know: says what happened and where, and what to try next. */
export class MemprofError extends Error {
  override readonly name = 'MemprofError';
  readonly code: string;
  readonly exitCode: number;
  readonly hint: string | undefined;

  constructor(message: string, options: MemprofErrorOptions) {
    super(message, { cause: options.cause });
    this.code = options.code;
    this.exitCode = options.exitCode;
    this.hint = options.hint;
  }
}
