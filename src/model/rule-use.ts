import type { Frame } from './frames.js';

export interface Amount {
  /** In use, an estimate. */
  readonly bytes: number;
  readonly observations: number;
  /** Part of all bytes in use, 0 to 1. */
  readonly share: number;
}

export interface RuleUse extends Amount {
  readonly rule: string;
  readonly pool: string;
  readonly arena: string;
}

/** What rules matched, and what they did not. */
export interface RulesUse {
  /** By name; the biggest first. Those that matched nothing are not here. */
  readonly rules: readonly RuleUse[];
  /** What the program named itself. */
  readonly named: Amount;
  /** V8's objects and pages, of which V8 tells. */
  readonly v8: Amount;
  readonly unknown: Amount;
  /** The biggest call paths that no rule matches. */
  readonly unknownStacks: readonly (Amount & { readonly heap: string; readonly frames: readonly Frame[] })[];
  readonly totalBytes: number;
}
