/** What `import 'memprof'` gives: the version. The profiler itself is the command line. */
export { memprofVersion } from './version.js';
