import { agent } from './agent.js';
import { checkName } from './names.js';
import { type Scope, TagScope } from './scope.js';

/** A phase of the program's work: embedding, prefill, decode. */
export interface Stage extends Scope {
  readonly name: string;
}

/** Stages are a few, and named in the program text. */
const MAX_STAGES = 1000;
const TOO_MANY = '(other)';
const stages = new Map<string, Stage>();

/**
 * The stage of that name; with a function, `stage(name).run(fn)`. Inside an arena it changes the stage alone: the arena stays.
 * @throws TypeError if the name is no string.
 */
export function stage(name: string): Stage;
export function stage<T>(name: string, fn: () => T): T;
export function stage<T>(name: string, fn?: () => T): Stage | T {
  const found = stages.get(name) ?? createStage(name);
  return fn === undefined ? found : found.run(fn);
}

function createStage(name: string): Stage {
  const cleaned = checkName('a stage', name);
  const isRoom = stages.size < MAX_STAGES;
  const key = isRoom ? cleaned : TOO_MANY;
  const known = stages.get(key) ?? new NamedStage(key);
  stages.set(key, known);
  if (isRoom) stages.set(name, known);
  return known;
}

class NamedStage extends TagScope implements Stage {
  readonly name: string;

  constructor(name: string) {
    super(agent?.stage(name) ?? 0);
    this.name = name;
  }
}
