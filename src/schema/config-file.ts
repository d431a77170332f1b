/** Apart from config.ts, so that a run without such a file need not load zod. */
export const CONFIG_FILE = 'memprof.config.json';
export const CONFIG_VERSION = 1;
