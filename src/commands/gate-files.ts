import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { GateReport } from '../model/gate.js';
import { GATE_FORMATS } from '../report/gate-formats.js';
import { githubAnnotations } from '../report/gate-github.js';
import { PLAIN } from '../report/options.js';
import type { GateFlags } from '../schema/gate-flags.js';
import { openTerminal } from '../ui/terminal.js';
import { mustNotExist, writeResult, writeResultFile } from './result.js';

const FILES = {
  text: 'gate.txt',
  json: 'gate.json',
  junit: 'gate.junit.xml',
  sarif: 'gate.sarif',
  markdown: 'gate.md',
} as const;

/**
 * Writes all formats into the folder that `-o` names, and on GitHub the step's summary and annotations.
 * @throws MemprofError OUTPUT_EXISTS or OUTPUT_UNWRITABLE (exit code 2).
 */
export async function writeGateFiles(report: GateReport, { output, force, format }: GateFlags): Promise<void> {
  if (output !== undefined) {
    mkdirSync(output, { recursive: true, mode: 0o700 });
    for (const [name, file] of Object.entries(FILES)) {
      mustNotExist(join(output, file), force);
      writeResultFile(join(output, file), GATE_FORMATS[name as keyof typeof FILES](report, PLAIN));
    }
  }
  if (process.env.GITHUB_ACTIONS !== 'true') return;
  if (format === 'text') await writeResult(githubAnnotations(report));
  const summary = process.env.GITHUB_STEP_SUMMARY;
  if (summary === undefined || summary === '') return;
  try {
    appendFileSync(summary, GATE_FORMATS.markdown(report));
  } catch (error) {
    // The decision stands without it.
    openTerminal().warn(`no step summary: ${(error as Error).message}`);
  }
}
