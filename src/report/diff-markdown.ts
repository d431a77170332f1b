import { baseName, placeOf } from '../model/frames.js';
import type { Change, Diff, DiffRow, DiffTable } from '../schema/diff.js';
import { chanceText, errorText, formatDifference, formatGrowth, meanText, type Unit } from './diff-format.js';
import { printable } from './format.js';

const MAX_ROWS = 20;
const MAX_SITES = 10;

/** A difference as Markdown tables, for pull requests: what has surely changed, and the sums. */
export function writeDiffMarkdown(diff: Diff): string {
  const { base, now, total, labels, groups } = diff;
  const side = ({ name, runs }: Diff['base']): string =>
    `\`${printable(name).replaceAll('`', "'")}\`${runs > 1 ? ` (${runs} runs)` : ''}`;
  const sections = [
    [`### Memory: ${side(now)} less ${side(base)}, in use at the ${diff.moment === 'peak' ? 'peak' : 'end'}`],
    labels.map(({ message }) => `- :warning: ${cell(message)}`),
    [
      ...head(''),
      row('in use', total.inuse_space, 'bytes'),
      row('objects in use', total.inuse_objects, 'count'),
      row('allocated', total.alloc_space, 'bytes'),
      row('objects allocated', total.alloc_objects, 'count'),
    ],
    diff.figures.length === 0
      ? []
      : [...head('whole run'), ...diff.figures.map(({ name, unit, ...change }) => row(name, change, unit))],
    table('heap', diff.heaps),
    ...(groups === undefined
      ? [table('pool', sure(diff.pools)), table('arena', sure(diff.arenas)), sites(diff.sites)]
      : [groups.by === 'site' ? sites(groups) : table(groups.by, groups)]),
    [`<sub>${errorText(diff)} ${chanceText}</sub>`],
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

const head = (title: string): string[] => [
  `| ${title} | base | now | difference | |`,
  '| --- | ---: | ---: | ---: | ---: |',
];

function row(name: string, change: Change, unit: Unit): string {
  const { base, now, difference, verdict } = change;
  const text = formatDifference(difference, unit);
  const isSure = verdict === 'grown' || verdict === 'shrunk';
  return `| ${cell(name)} | ${meanText(base, unit)} | ${meanText(now, unit)} | ${isSure ? `**${text}**` : text} | ${formatGrowth(change)} |`;
}

const isSure = ({ inuse_space: { verdict } }: DiffRow): boolean => verdict === 'grown' || verdict === 'shrunk';
const sure = ({ rows }: DiffTable): DiffTable => ({ rows: rows.filter(isSure) });

function table(title: string, { rows }: DiffTable): string[] {
  if (rows.length === 0) return [];
  return [...head(title), ...rows.slice(0, MAX_ROWS).map(({ name, inuse_space }) => row(name, inuse_space, 'bytes'))];
}

function sites(found: DiffTable): string[] {
  const { rows } = sure(found);
  if (rows.length === 0) return ['No site has surely changed.'];
  return [
    ...head('site'),
    ...rows.slice(0, MAX_SITES).map((site) => row(siteText(site), site.inuse_space, 'bytes')),
    ...(rows.length > MAX_SITES ? [`\nand ${rows.length - MAX_SITES} more sites`] : []),
  ];
}

/** The program's line first, as in the text. */
function siteText({ name, user, js, callee }: DiffRow): string {
  const frames = [user, js, callee].filter((frame) => frame !== undefined);
  if (frames.length === 0) return name;
  return frames.map((frame) => `${frame.name} ${baseName(placeOf(frame) || frame.module)}`.trimEnd()).join(' > ');
}

/** A bar would end the cell, and names of functions hold angle brackets and asterisks. */
function cell(text: string): string {
  return printable(text).replace(/[\\|<>*_`[\]&#]/g, (character) => `\\${character}`);
}
