import { baseName, placeOf } from '../model/frames.js';
import type { Amount, RulesUse } from '../model/rule-use.js';
import { formatBytes, formatCount } from '../model/units.js';
import { MARKS, printable, shorten, shortenName } from './format.js';
import type { Paint } from './options.js';
import { percent, WIDTH } from './text-layout.js';

export interface RulesTextOptions {
  /** Names of the user's own rules, in order, and where they are from. */
  readonly own: readonly string[];
  readonly configPath?: string | undefined;
  readonly moment: 'end' | 'peak';
  readonly paint: Paint;
}

const AMOUNT_WIDTH = 12;
const SAMPLES_WIDTH = 9;
/** As deep as a rule may have to look. */
const MAX_FRAMES = 12;

/** What `memprof rules test` prints: rules as those who write them want to see them. */
export function writeRulesText(use: RulesUse, { own, configPath, moment, paint }: RulesTextOptions): string {
  const isOwn = new Set(own);
  const silent = own.filter((name) => use.rules.every(({ rule }) => rule !== name));
  const title = (name: string): string =>
    `${name.padEnd(WIDTH - AMOUNT_WIDTH - SAMPLES_WIDTH - 8)}${'in use'.padStart(AMOUNT_WIDTH)}${'share'.padStart(8)}${'samples'.padStart(SAMPLES_WIDTH)}`;
  const row = (name: string, amount: Amount): string =>
    `${shorten(name, WIDTH - AMOUNT_WIDTH - SAMPLES_WIDTH - 9).padEnd(WIDTH - AMOUNT_WIDTH - SAMPLES_WIDTH - 8)}${formatBytes(amount.bytes).padStart(AMOUNT_WIDTH)}${percent(amount.share).padStart(8)}${formatCount(amount.observations).padStart(SAMPLES_WIDTH)}`;
  const rows = (some: RulesUse['rules']): string[] =>
    some.flatMap(({ rule, pool, arena, ...amount }) => [
      row(rule, amount),
      paint.dim(`  ${printable(`${pool} > ${arena}`)}`),
    ]);

  const sections = [
    [paint.heading(`memprof rules  in use at the ${moment}: ${MARKS.estimated} ${formatBytes(use.totalBytes)}`)],
    ...(configPath === undefined
      ? [['No rules of your own: there is no memprof.config.json here or above.']]
      : [
          [
            paint.heading(title(`Rules of ${shorten(configPath, 40)}`)),
            ...rows(use.rules.filter(({ rule }) => isOwn.has(rule))),
            ...silent.map((name) => paint.warning(`${shorten(name, WIDTH - 20)}  matched nothing`)),
          ],
        ]),
    [paint.heading(title('Rules that memprof comes with')), ...rows(use.rules.filter(({ rule }) => !isOwn.has(rule)))],
    [
      paint.heading(title('Not by a rule')),
      row('named by the program', use.named),
      row("V8's own objects and pages", use.v8),
      row('unknown', use.unknown),
    ],
    use.unknownStacks.length === 0
      ? []
      : [
          paint.heading('Biggest unknown call paths, the leaf first'),
          ...use.unknownStacks.flatMap((one, at) => stack(one, at, paint)),
        ],
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function stack({ heap, frames, ...amount }: RulesUse['unknownStacks'][number], at: number, paint: Paint): string[] {
  const shown = frames.slice(0, MAX_FRAMES);
  const rest = frames.length - shown.length;
  return [
    `${String(at + 1).padStart(3)}  ${formatBytes(amount.bytes).padEnd(AMOUNT_WIDTH)}${percent(amount.share)}  ${printable(heap)}`,
    ...shown.map((frame) => {
      const place = placeOf(frame) || baseName(frame.module);
      return paint.dim(`       ${shortenName(frame.name, 48)}  ${shorten(place, 22)}`);
    }),
    ...(rest > 0 ? [paint.dim(`       and ${rest} more frames`)] : []),
  ];
}
