import { readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { EXIT, MemprofError } from '../errors.js';
import type { Recogniser } from '../model/recognise.js';
import { createRecogniser } from '../rules/recogniser.js';
import type { Rule } from '../rules/rule.js';
import { SHIPPED_RULES } from '../rules/shipped/index.js';
import { CONFIG_FILE } from '../schema/config-file.js';
import type { GateSettings } from '../schema/gate-config.js';

const MAX_CONFIG_BYTES = 16 << 20;

/** Rules in the order in which they are tried. */
export interface RuleSet {
  /** The user's own, then those that memprof comes with. */
  readonly rules: readonly Rule[];
  /** Where the user's own are from; absent without a file. */
  readonly configPath?: string;
  readonly ownCount: number;
  /** What the same file says of the gate. */
  readonly gate: GateSettings;
}

/**
 * The rules of the configuration file, `path` or the nearest one from `from` upwards, and those that memprof comes with.
 * @throws MemprofError BAD_CONFIG or CONFIG_NOT_FOUND with the exit code.
 */
export async function loadRules(path?: string, from = process.cwd(), exitCode: number = EXIT.usage): Promise<RuleSet> {
  const configPath = path ?? findConfig(from);
  if (configPath === undefined) return { rules: SHIPPED_RULES, ownCount: 0, gate: { tolerance: {}, budgets: [] } };
  const shown = path ?? nameFor(configPath);
  const text = readConfig(configPath, shown, exitCode);
  const { parseConfig } = await import('../schema/config.js');
  const { rules: own, gate } = parseConfig(text, shown, exitCode);
  return { rules: [...own, ...SHIPPED_RULES], configPath: shown, ownCount: own.length, gate };
}

export const recogniserOf = (rules: readonly Rule[]): Recogniser => createRecogniser(rules);

/** @throws what `loadRules` throws. */
export async function loadRecogniser(path?: string): Promise<Recogniser> {
  return createRecogniser((await loadRules(path)).rules);
}

/** The rules that memprof comes with, and no others. */
export const shippedRecogniser = (): Recogniser => createRecogniser(SHIPPED_RULES);

/** The nearest file of that name, from a folder upwards. */
function findConfig(from: string): string | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const path = join(folder, CONFIG_FILE);
    if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
    if (dirname(folder) === folder) return undefined;
  }
}

/** As the user would name it: from here if it is below, else from the root. */
function nameFor(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') ? path : fromHere;
}

function readConfig(path: string, shown: string, exitCode: number): string {
  try {
    const { size } = statSync(path);
    if (size > MAX_CONFIG_BYTES) throw new Error(`larger than ${MAX_CONFIG_BYTES >> 20} MiB`);
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MemprofError(`cannot read ${shown}: ${(cause as Error).message}`, {
      code: 'CONFIG_NOT_FOUND',
      exitCode,
      hint: 'Name a file that you can read with --config, or leave the flag out.',
      cause,
    });
  }
}
