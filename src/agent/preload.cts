/**
 * The file that NODE_OPTIONS loads into every Node process and worker of a profiled program, before the program itself.
 * Without MEMPROF_RUN_DIR it does nothing. Whatever goes wrong in here, the program must not notice: see agent.cts.
 */
const runDirectory = process.env.MEMPROF_RUN_DIR;

if (runDirectory) {
  try {
    const agent: typeof import('./agent.cjs') = require('./agent.cjs');
    agent.start(runDirectory);
  } catch {
    // Permission model, a broken installation, a full disk: the program runs without V8 samples. There is nobody to tell.
  }
}
try {
  // Programs that look into require.cache should find their own modules only.
  for (const path of Object.keys(require.cache)) if (path.startsWith(__dirname)) delete require.cache[path];
} catch {
  // Not worth a word: an entry more in the cache.
}
