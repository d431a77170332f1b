import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { sidesOf } from '../analyze/diff.js';
import { differenceProfile } from '../analyze/diff-profile.js';
import { fold, SPEEDSCOPE_MAX_STACKS } from '../analyze/fold.js';
import { PATH_FORMATS } from '../report/diff-formats.js';
import { GATE_FORMATS } from '../report/gate-formats.js';
import { githubAnnotations } from '../report/gate-github.js';
import { PLAIN } from '../report/options.js';
import type { GateFlags } from '../schema/gate-flags.js';
import { openTerminal } from '../ui/terminal.js';
import { memprofVersion } from '../version.js';
import type { GateResult } from './gate-session.js';
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
export async function writeGateFiles(result: GateResult, { output, force, format }: GateFlags): Promise<void> {
  const { report } = result;
  if (output !== undefined) {
    mkdirSync(output, { recursive: true, mode: 0o700 });
    for (const [name, file] of Object.entries(FILES)) {
      mustNotExist(join(output, file), force);
      writeResultFile(join(output, file), GATE_FORMATS[name as keyof typeof FILES](report, PLAIN));
    }
    for (const [file, content] of pictures(result)) {
      mustNotExist(join(output, file), force);
      writeResultFile(join(output, file), content());
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

/** The last run, and where there is one of the other side, what differs between the two as a flame graph. */
function pictures({ base, now }: GateResult): [file: string, content: () => string | Uint8Array][] {
  const summary = { memprofVersion: memprofVersion() };
  if (now === undefined) return [];
  if (base === undefined) return [['now.pb.gz', () => PATH_FORMATS.pprof(now, { summary })]];
  const net = (): string => {
    const { profile, baseSamples } = differenceProfile(sidesOf([base], [now]), 'net');
    return PATH_FORMATS.speedscope(fold(profile, SPEEDSCOPE_MAX_STACKS), { summary, baseSamples });
  };
  return [
    ['now.pb.gz', () => PATH_FORMATS.pprof(now, { summary })],
    ['base.pb.gz', () => PATH_FORMATS.pprof(base, { summary })],
    ['diff.speedscope.json', net],
  ];
}
