import { Command, CommanderError } from 'commander';
import type { ProgramEnd } from './capture/launch.js';
import { EXIT, MemprofError } from './errors.js';
import { memprofVersion } from './version.js';

/** The only place that sees argv or ends the process. */
async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('memprof')
    .description('A memory profiler for LLM inference processes: V8 heap and native allocations on one stack.')
    .version(memprofVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeErr: (text) => process.stderr.write(text) });

  program
    .command('run')
    .description('run a program, record its memory, and report')
    .usage('[options] [--] COMMAND [ARGUMENT...]')
    .argument('<command...>', 'the program and its arguments')
    .option('-o, --output <dir>', 'folder for the recording (default: memprof-<name>-<pid>)')
    .option('-f, --force', 'replace the recording that is there')
    .option('--sample-bytes <size>', 'mean gap between native samples (default: 64KiB)')
    .option('--v8-interval <size>', 'mean gap between V8 samples (default: 512KiB)')
    .option('--max-samples-per-second <n>', 'cap of one process; above it the mean doubles (default: 1000)')
    .option('--snapshot-every <seconds>', 'take a snapshot so often; 0: never (default: 60)')
    .option('--no-native', 'no native samples')
    .option('--no-v8', 'no V8 samples')
    .option('-q, --quiet', 'print warnings only')
    .passThroughOptions()
    .exitOverride()
    .action(async ([command = '', ...args]: string[], raw: Record<string, unknown>) => {
      const { run } = await import('./commands/run.js');
      endLike(await run(command, args, await runFlags(raw)));
    });

  await program.parseAsync(argv, { from: 'user' });
}

/** zod takes 45 ms to load: only when there is something to check. */
async function runFlags(raw: Record<string, unknown>) {
  const { RUN_DEFAULTS } = await import('./schema/defaults.js');
  const given = Object.entries(raw).filter(([, value]) => value !== true);
  if (given.length === 0 && raw.force !== true && raw.quiet !== true) return RUN_DEFAULTS;
  const { parseRunFlags } = await import('./schema/flags.js');
  return parseRunFlags(raw, EXIT.failed);
}

/** Ends this process as the program ended: same status, or the same signal, so that a shell above reacts in the same way. */
function endLike(end: ProgramEnd): void {
  if (end.signal === null) {
    process.exitCode = end.exitCode ?? EXIT.failed;
    return;
  }
  process.kill(process.pid, end.signal);
}

async function fail(error: unknown, isRun: boolean): Promise<void> {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.ok : isRun ? EXIT.failed : EXIT.usage;
    return;
  }
  const { formatError, openTerminal } = await import('./ui/terminal.js');
  if (error instanceof MemprofError) {
    openTerminal().warn(formatError(error));
    process.exitCode = error.exitCode;
    return;
  }
  process.stderr.write(`memprof: unexpected error, please report it: ${(error as Error).stack ?? String(error)}\n`);
  process.exitCode = isRun ? EXIT.failed : EXIT.usage;
}

const argv = process.argv.slice(2);
main(argv).catch((error: unknown) => fail(error, argv[0] === 'run'));
