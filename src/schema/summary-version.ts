/**
 * Raised when a field of summary.json changes its meaning or goes away; new fields do not raise it. Apart from summary.ts, so that a run
 * need not load zod.
 */
export const SUMMARY_VERSION = 1;
