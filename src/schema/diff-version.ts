/** Raised when a field of `diff --format json` changes its meaning or goes away. Apart from diff.ts, so that a diff need not load zod for it. */
export const DIFF_VERSION = 1;
