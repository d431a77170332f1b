import { EXIT } from '../errors.js';
import type { Rule } from '../rules/rule.js';
import { checkJson } from './checked-json.js';
import { CONFIG_VERSION } from './config-file.js';
import { GateSchema, type GateSettings, gateSettings } from './gate-config.js';
import { MAX_RULES, RuleSchema } from './rules.js';
import { z } from './zod.js';

export const Config = z.strictObject({
  $schema: z.string().optional(),
  version: z.literal(CONFIG_VERSION),
  rules: z
    .array(RuleSchema)
    .max(MAX_RULES, `has more than ${MAX_RULES} rules`)
    .default([])
    .describe('tried in order, before the rules that memprof comes with; the first match wins'),
  gate: GateSchema.optional().describe('what `memprof gate` holds a program to'),
});

/** What a configuration file says. */
export interface ConfigFile {
  readonly rules: readonly Rule[];
  readonly gate: GateSettings;
}

/**
 * Reads a configuration file.
 * @throws MemprofError BAD_CONFIG (usage): path, line, column, what is wrong there, and the nearest key or value that would be right.
 */
export function parseConfig(text: string, path: string, exitCode: number = EXIT.usage): ConfigFile {
  const { value, positionOf, fail } = checkJson(text, path, Config, {
    code: 'BAD_CONFIG',
    exitCode,
    hint: 'docs/how-to/write-rules.md and docs/how-to/gate-memory-in-ci.md show what such a file may say.',
  });
  const seen = new Map<string, number>();
  for (const [index, rule] of value.rules.entries()) {
    const before = seen.get(rule.name);
    if (before !== undefined) {
      const { line } = positionOf(['rules', before, 'name'], true);
      fail(positionOf(['rules', index, 'name'], true), `the name "${rule.name}" is taken by the rule on line ${line}`);
    }
    seen.set(rule.name, index);
  }
  return { rules: value.rules as readonly Rule[], gate: gateSettings(value.gate) };
}

/** The JSON schema in docs/reference/config.schema.json, which editors take. */
export function configJsonSchema(): object {
  return {
    ...z.toJSONSchema(Config, { io: 'input' }),
    $id: 'config.schema.json',
    title: 'memprof.config.json',
  };
}
