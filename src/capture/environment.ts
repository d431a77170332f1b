/** What of memprof goes into the program; a path that is absent stays out. */
export interface Injection {
  readonly runDirectory: string;
  readonly library?: string;
  readonly agent?: string;
}

/**
 * The environment of the profiled program: the given one plus MEMPROF_RUN_DIR, our library first in LD_PRELOAD (an
 * allocator of the user's must find its symbols taken) and our agent first in NODE_OPTIONS. What the user has there is
 * kept. An outer `memprof run` is replaced: the innermost one profiles.
 */
export function targetEnvironment(base: NodeJS.ProcessEnv, injection: Injection): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...base, MEMPROF_RUN_DIR: injection.runDirectory };
  const preload = withPreload(base.LD_PRELOAD, injection.library);
  if (preload === undefined) delete environment.LD_PRELOAD;
  else environment.LD_PRELOAD = preload;
  const options = withRequire(base.NODE_OPTIONS, injection.agent);
  if (options === undefined) delete environment.NODE_OPTIONS;
  else environment.NODE_OPTIONS = options;
  return environment;
}

/** A path with a space or a colon cannot stand in LD_PRELOAD: ld.so(8) splits at both and knows no quotes. */
export function fitsPreload(path: string): boolean {
  return !/[\s:]/.test(path);
}

function withPreload(theirs: string | undefined, library: string | undefined): string | undefined {
  if (library === undefined) return theirs;
  const kept = (theirs ?? '').split(/[\s:]+/).filter((entry) => entry !== '' && !/\/libmemprof\.so$/.test(entry));
  return [library, ...kept].join(':');
}

function withRequire(theirs: string | undefined, agent: string | undefined): string | undefined {
  if (agent === undefined) return theirs;
  const ours = `--require ${quoteNodeOption(agent)}`;
  const kept = (theirs ?? '').replaceAll(ours, '').trim();
  return kept === '' ? ours : `${ours} ${theirs?.includes(ours) ? kept : theirs}`;
}

/** NODE_OPTIONS splits at spaces outside double quotes; inside them a backslash takes the next character as it is. */
function quoteNodeOption(value: string): string {
  return /[\s"\\]/.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : value;
}
