/**
 * Takes what entering a context has put into a stack out of it again, so that the program's stacks are the same with and without its
 * arenas:
 *
 *     handle        app.js                       stays
 *     PoolArena.run memprof/dist/api/arena.js    the API, which the program called
 *     runIn         memprof/dist/api/scope.js
 *     run           dist/agent/enter.cjs         the agent
 *                   memprof-tag:12               the marker
 *     run           dist/agent/carrier.cjs
 *     run           node:async_hooks             called by the agent
 *     decode        app.js                       stays
 */
interface Named {
  readonly name: string;
  /** Of the script as V8 names it; '' for native frames. */
  readonly script: string;
}

interface CleanStack<F> {
  readonly frames: readonly F[];
  /** Of the innermost marker. */
  readonly tag: number | undefined;
  /** It was entered for a step of an async function: --async-labels. */
  readonly isAsync: boolean;
}

const MARKER = /^memprof-tag:(\d{1,9})$/;
/** As in src/agent/encode-profile.cts. */
const AGENT = /\/dist\/agent\/(?:pass-through|enter)\.cjs$/;
/** What async functions have become with --async-labels: the function calls it, and it calls a generator of that name. */
const STEPS = /\/dist\/agent\/async-steps\.cjs$/;
const CARRIER = /\/dist\/agent\/carrier[-\w]*\.cjs$/;
/** The only file of the API that calls the agent. */
const SCOPE = /^(.*\/(?:dist|cjs)\/api\/)scope\.js$/;
const STORAGE = /^node:(?:async_hooks$|internal\/async_local_storage\/)/;

/** A number: a marker, of that tag. */
type Kind = number | 'agent' | 'steps' | 'carrier' | 'other';

function kindOfScript(script: string): Kind {
  const tag = MARKER.exec(script)?.[1];
  if (tag !== undefined) return Number(tag);
  if (AGENT.test(script)) return 'agent';
  if (STEPS.test(script)) return 'steps';
  return CARRIER.test(script) ? 'carrier' : 'other';
}

export interface StackCleaner {
  /** @param frames leaf first. */
  clean<F extends Named>(frames: readonly F[]): CleanStack<F>;
  /** Whether there may be something to take out of a stack with this frame. */
  isEntry(frame: Named): boolean;
}

/** A cleaner remembers the scripts that it has seen. */
export function createStackCleaner(): StackCleaner {
  const kinds = new Map<string, Kind>([['', 'other']]);

  function kindOf({ name, script }: Named): Kind {
    let kind = kinds.get(script);
    if (kind === undefined) {
      kind = kindOfScript(script);
      kinds.set(script, kind);
    }
    return kind === 'carrier' && name !== 'run' ? 'other' : kind;
  }

  function clean<F extends Named>(frames: readonly F[]): CleanStack<F> {
    if (frames.every((frame) => kindOf(frame) === 'other')) return { frames, tag: undefined, isAsync: false };
    const kept: F[] = [];
    let tag: number | undefined;
    let isAsync = false;
    let afterAgent = false;
    /** The generator that was called below. */
    let lowered: F | undefined;
    /** The folder of the API that called the agent. */
    let api: string | undefined;
    for (const frame of frames) {
      const { script } = frame;
      const kind = kindOf(frame);
      if (kind !== 'other') {
        const isStep = isStepOf(kept.at(-1));
        if (!afterAgent && (isStep || isStorageRun(kept.at(-1)))) kept.pop();
        if (kind === 'steps' || (isStep && !afterAgent)) {
          lowered = kept.at(-1);
          isAsync ||= tag === undefined;
        }
        if (typeof kind === 'number') tag ??= kind;
        afterAgent = true;
        api = undefined;
        continue;
      }
      if (afterAgent) api = SCOPE.exec(script)?.[1];
      const isSame = afterAgent && lowered?.name === frame.name && lowered.script === script;
      lowered = undefined;
      afterAgent = false;
      if (isSame) continue;
      if (api !== undefined && script.startsWith(api)) continue;
      api = undefined;
      kept.push(frame);
    }
    return { frames: kept, tag, isAsync: isAsync && tag !== undefined };
  }

  return { clean, isEntry: (frame) => kindOf(frame) !== 'other' };
}

/** How the agent calls the program: to be looked at in what it has called. */
function isStorageRun(frame: Named | undefined): boolean {
  return frame !== undefined && STORAGE.test(frame.script) && /\brun$/.test(frame.name);
}

function isStepOf(frame: Named | undefined): boolean {
  return frame !== undefined && frame.script === '' && /^(?:next|throw)$/.test(frame.name);
}
