/** The end of `memprof run`, alone in a process: makes the reports of the recording in argv[2]. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { preloadStages, reportRun } from '../../dist/commands/run-report.js';
import { MANIFEST_FILE } from '../../dist/recording/manifest.js';

const folder = process.argv[2];
const manifest = JSON.parse(readFileSync(join(folder, MANIFEST_FILE), 'utf8'));
await reportRun(folder, manifest, { quiet: true }, preloadStages());
