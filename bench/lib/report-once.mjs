/** The end of `memprof run`, alone in a process: makes the reports of a recording and prints what that took. */
import { preloadStages, reportRun } from '../../dist/commands/run-report.js';

await reportRun(process.argv[2], { quiet: true }, [], preloadStages());
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
console.log(JSON.stringify({ cpuMs: (userCPUTime + systemCPUTime) / 1000, maxRssBytes: maxRSS * 1024 }));
