import type { Command } from 'commander';
import type { ProgramEnd } from './capture/launch.js';
import { EXIT, MemprofError } from './errors.js';
import { memprofVersion } from './version.js';

const EXAMPLES = `
Examples:
  memprof run -- node server.js            profile a program and all it starts
  memprof run --sample-bytes 512k -- npm start
  memprof report memprof-node-4711 --by heap
  memprof open memprof-node-4711           the flame graph, in a browser
  kill -USR2 <pid of memprof>              a snapshot now

run ends as the program ended; 125, 126 and 127 are memprof's own.`;

/** The only place that sees argv or ends the process. */
async function main(argv: readonly string[]): Promise<void> {
  const [verb, first = '', ...rest] = argv;
  const command = first === '--' ? rest : [first, ...rest];
  // The usual case has nothing to parse, and its program need not wait for a parser.
  if (verb === 'run' && command[0] && (first === '--' || !first.startsWith('-'))) return runCommand(command, {});

  const { Command } = await import('commander');
  const program = new Command('memprof')
    .description('A memory profiler for LLM inference processes: V8 heap and native allocations on one stack.')
    .version(memprofVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .addHelpText('after', EXAMPLES)
    .enablePositionalOptions()
    .showHelpAfterError('  See --help for what there is.')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'memprof: ')) })
    .exitOverride();
  addRun(program);
  addReport(program);
  addOpen(program);
  addDiff(program);
  addRules(program);
  addLedger(program);
  addGate(program);
  addInit(program);
  addDoctor(program);
  addParse(program);
  await program.parseAsync(argv, { from: 'user' });
}

function addRun(program: Command): void {
  program
    .command('run')
    .description('run a program, record its memory, and report')
    .usage('[options] [--] COMMAND [ARGUMENT...]')
    .argument('<command...>', 'the program and its arguments')
    .option('-o, --output <dir>', 'folder for the recording (default: memprof-<name>-<pid>)')
    .option('-f, --force', 'replace the recording that is there')
    .option('--sample-bytes <size>', 'mean gap between native samples (default: 64KiB)')
    .option('--v8-interval <size>', 'mean gap between V8 samples (default: 512KiB)')
    .option('--exact', 'V8 samples see each object of optimized code; see docs/explanation/v8-heap.md for the cost')
    .option('--async-labels', 'V8 objects get their arena after an await, too; see docs/reference/api.md for the cost')
    .option('--max-samples-per-second <n>', 'cap of one process; above it the mean doubles (default: 500)')
    .option('--snapshot-every <seconds>', 'take a snapshot so often; 0: never (default: 60)')
    .option('--no-native', 'no native samples')
    .option('--no-v8', 'no V8 samples')
    .option('--config <file>', 'rules that name arenas (default: the nearest memprof.config.json, from here upwards)')
    .option('--no-reports', 'only the recording; memprof report makes the rest')
    .option('-q, --quiet', 'print warnings only')
    .passThroughOptions()
    .action(runCommand);
}

async function runCommand([command = '', ...args]: readonly string[], raw: Record<string, unknown>): Promise<void> {
  const { run } = await import('./commands/run.js');
  await endLike(await run(command, args, await runFlags(raw)));
}

function addReport(program: Command): void {
  program
    .command('report')
    .description('show a recording, or a profile.pb.gz, as text or in a file format')
    .argument('<source>', 'a directory that run wrote, or a profile.pb.gz')
    .option('--format <format>', 'text, json, html, pprof, speedscope or folded (default: text)')
    .option('--by <what>', 'group by site, module, heap, pool, arena, stage, label, thread or process')
    .option('--moment <moment>', 'what "in use" shows: end or peak (default: end)')
    .option('--config <file>', 'rules that name arenas (default: the nearest memprof.config.json, from here upwards)')
    .option('-o, --output <file>', 'write there instead of stdout')
    .option('-f, --force', 'replace the file that is there')
    .action(async (source: string, raw: Record<string, unknown>) => {
      const { report } = await import('./commands/report.js');
      await report(source, raw);
    });
}

function addOpen(program: Command): void {
  program
    .command('open')
    .description('show the flame graph in the bundled speedscope, offline')
    .argument('<source>', 'a directory that run wrote, a profile.pb.gz or a speedscope file')
    .option('--no-browser', 'only print the address')
    .option('--config <file>', 'rules that name arenas')
    .action(async (source: string, flags: { browser: boolean; config?: string }) => {
      const { open } = await import('./commands/open.js');
      await open(source, flags);
    });
}

function addDiff(program: Command): void {
  program
    .command('diff')
    .description('what differs between two recordings, pprof files or sets of runs, with error bars')
    .argument('<base>', 'a directory that run wrote, a profile.pb.gz, a folder of such, or several with commas between')
    .argument('<now>', 'what to compare with it')
    .option('--format <format>', 'text, json, markdown, pprof or speedscope (default: text)')
    .option('--by <what>', 'group by site, module, heap, pool, arena, stage, label, thread or process')
    .option('--moment <moment>', 'what "in use" shows: end or peak (default: end)')
    .option('--config <file>', 'rules that name arenas (default: the nearest memprof.config.json, from here upwards)')
    .option('-o, --output <file>', 'write there instead of stdout')
    .option('-f, --force', 'replace the file that is there')
    .action(async (base: string, now: string, raw: Record<string, unknown>) => {
      const { diff } = await import('./commands/diff.js');
      await diff(base, now, raw);
    });
}

function addRules(program: Command): void {
  program
    .command('rules')
    .description('the rules by which memory is recognised that the program does not name')
    .command('test')
    .description('what each rule matched in a recording, and what stayed unknown')
    .argument('<source>', 'a directory that run wrote')
    .option('--config <file>', 'the file with your rules (default: the nearest memprof.config.json, from here upwards)')
    .option('--moment <moment>', 'what "in use" shows: end or peak (default: end)')
    .action(async (source: string, raw: Record<string, unknown>) => {
      const { testRules } = await import('./commands/rules-test.js');
      await testRules(source, raw);
    });
}

function addLedger(program: Command): void {
  program
    .command('ledger')
    .description('where the resident memory of a process is: of a running one, from outside, or of a recording')
    .argument('<source>', 'a process id, or a directory that run wrote')
    .option(
      '--at <moment>',
      'of a recording: peak, end, a time after the start (12.5s) or a share of the run (50%) (default: end)',
    )
    .option('--config <file>', 'of a recording: the file with your rules (default: the nearest memprof.config.json)')
    .option('--format <format>', 'text, json, markdown or, of a recording, html (default: text)')
    .option('-o, --output <file>', 'of html: write there instead of stdout')
    .option('-f, --force', 'replace the file that is there')
    .action(async (source: string, raw: Record<string, unknown>) => {
      const { ledger } = await import('./commands/ledger.js');
      await ledger(source, raw);
    });
}

function addGate(program: Command): void {
  program
    .command('gate')
    .description('run a command several times, and fail if it needs more memory than its base or its budgets')
    .usage('[options] [--] COMMAND [ARGUMENT...]')
    .argument('<command...>', 'a program that ends, and its arguments')
    .option('--baseline <file>', 'compare with the runs in this file')
    .option('--against <command>', 'compare with this command, run in turns')
    .option('--update', 'make the baseline anew, and say what changed')
    .option('--runs <n>', 'runs before the first look at growth (default: 6, with --against 7)')
    .option('--max-runs <n>', 'runs at most, where fewer do not tell (default: 12)')
    .option('--budget <file>', 'budgets and rules (default: the nearest memprof.config.json, from here upwards)')
    .option('--sample-bytes <size>', 'mean gap between native samples (default: 8KiB)')
    .option('--timeout <seconds>', 'for one run (default: 600)')
    .option('--format <format>', 'text, json, junit, sarif or markdown (default: text)')
    .option('-o, --output <dir>', 'write all formats into this folder')
    .option('-f, --force', 'replace the files that are there')
    .passThroughOptions()
    .action(async (command: readonly string[], raw: Record<string, unknown>) => {
      const { gate } = await import('./commands/gate.js');
      await gate(command, raw);
    });
}

function addInit(program: Command): void {
  program
    .command('init')
    .description('write a first memprof.config.json, with budgets for memprof gate from a recording')
    .argument('<dir>', 'a directory that run wrote')
    .option('-f, --force', 'replace the file that is there')
    .action(async (source: string, flags: { force?: boolean }) => {
      const { init } = await import('./commands/init.js');
      await init(source, flags);
    });
}

function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('what works on this machine and for this Node, and what to do about the rest')
    .action(async () => {
      const { doctor } = await import('./commands/doctor.js');
      process.exitCode = await doctor();
    });
}

function addParse(program: Command): void {
  program
    .command('parse')
    .description('print the raw chunks of one .mpr file as JSON lines')
    .argument('<file>', 'a file of a recording')
    .action(async (file: string) => {
      const { parse } = await import('./commands/parse.js');
      await parse(file);
    });
}

/** zod takes 45 ms to load: only when there is something to check. */
async function runFlags(raw: Record<string, unknown>) {
  const { RUN_DEFAULTS } = await import('./schema/defaults.js');
  const given = Object.entries(raw).filter(([, value]) => value !== true);
  if (given.length === 0 && raw.force !== true && raw.quiet !== true) return RUN_DEFAULTS;
  const { parseRunFlags } = await import('./schema/flags.js');
  return parseRunFlags(raw, EXIT.failed);
}

/**
 * Ends this process as the program ended: same status, or the same signal, so that a shell above reacts in the same way
 * (bash stops a loop after a SIGINT).
 */
async function endLike({ exitCode, signal }: ProgramEnd): Promise<void> {
  process.exitCode = exitCode ?? EXIT.failed;
  if (signal === null) return;
  const { dieOf } = await import('./capture/signals.js');
  dieOf(signal);
}

/** commander has printed what is wrong already. */
function isCommanderError(error: unknown): error is { exitCode: number } {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}

async function fail(error: unknown, isRun: boolean): Promise<void> {
  if (isCommanderError(error)) {
    process.exitCode = error.exitCode === 0 ? EXIT.ok : isRun ? EXIT.failed : EXIT.usage;
    return;
  }
  const { formatError, openTerminal } = await import('./ui/terminal.js');
  if (error instanceof MemprofError) {
    openTerminal().warn(formatError(error));
    process.exitCode = error.exitCode;
    return;
  }
  openTerminal().warn(`unexpected error, please report it: ${(error as Error).stack ?? String(error)}`);
  process.exitCode = isRun ? EXIT.failed : EXIT.usage;
}

const argv = process.argv.slice(2);
main(argv).catch((error: unknown) => fail(error, argv[0] === 'run'));
