import { formatBytes, formatCount } from '../model/units.js';
import type { Change, Diff, DiffRow, DiffTable } from '../schema/diff.js';
import { chanceText, errorText, formatDifference, formatGrowth, meanText, type Unit } from './diff-format.js';
import { MARKS, shorten } from './format.js';
import { type Paint, PLAIN } from './options.js';
import { NAME_WIDTH, rowName, WIDTH, wrap } from './text-layout.js';
import { siteLines } from './text-site.js';

const MEAN_WIDTH = 14;
const DIFFERENCE_WIDTH = 21;
const MAX_ROWS = 8;
const MAX_ROWS_ASKED_FOR = 40;
const MAX_SITES = 10;

/** A difference for people: 80 columns, colours only through `paint`. */
export function writeDiffText(diff: Diff, paint: Paint = PLAIN): string {
  const sections = [
    head(diff, paint),
    labels(diff, paint),
    total(diff, paint),
    figures(diff, paint),
    ledger(diff, paint),
    table('By heap', diff.heaps, MAX_ROWS, paint),
    ...(diff.groups === undefined
      ? [
          table('By pool', onlyDifferent(diff.pools), MAX_ROWS, paint),
          table('By arena', onlyDifferent(diff.arenas), MAX_ROWS, paint),
          ...sites(diff.sites, paint),
        ]
      : diff.groups.by === 'site'
        ? sites(diff.groups, paint)
        : [table(`By ${diff.groups.by}`, diff.groups, MAX_ROWS_ASKED_FOR, paint)]),
    legend(diff, paint),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function head({ base, now, moment }: Diff, paint: Paint): string[] {
  const side = (what: string, { name, runs, programs }: Diff['base']): string =>
    shorten(`${what}  ${name}${runs > 1 ? ` (${runs} runs)` : ''}  ${programs.join(', ')}`.trimEnd(), WIDTH);
  return [
    paint.heading(`memprof diff  in use at the ${moment === 'peak' ? 'peak' : 'end'}, now less base`),
    '',
    side('base', base),
    side('now ', now),
  ];
}

function labels({ labels }: Diff, paint: Paint): string[] {
  return labels.flatMap(({ message }) => wrap(message, '! ').map((line) => paint.warning(line)));
}

function columnHeads(title: string): string {
  return `${title.padEnd(NAME_WIDTH)}${'base'.padEnd(MEAN_WIDTH)}${'now'.padEnd(MEAN_WIDTH)}difference`;
}

function total({ total }: Diff, paint: Paint): string[] {
  return [
    paint.heading(columnHeads('')),
    line('in use', total.inuse_space, 'bytes', paint),
    line('  objects', total.inuse_objects, 'count', paint),
    line('allocated', total.alloc_space, 'bytes', paint),
    line('  objects', total.alloc_objects, 'count', paint),
  ];
}

function line(name: string, change: Change, unit: Unit, paint: Paint): string {
  const { base, now, difference } = change;
  const text = formatDifference(difference, unit);
  const room = ' '.repeat(Math.max(1, DIFFERENCE_WIDTH - text.length));
  const means = [base, now].map((estimate) => meanText(estimate, unit).padEnd(MEAN_WIDTH)).join('');
  return `${name.padEnd(NAME_WIDTH)}${means}${painted(change, text, paint)}${room}${formatGrowth(change)}`.trimEnd();
}

function figures({ figures }: Diff, paint: Paint): string[] {
  if (figures.length === 0) return [];
  return [
    paint.heading(columnHeads('Whole run')),
    ...figures.map(({ name, unit, ...change }) => line(name, change, unit, paint)),
  ];
}

/** Below that a line of the ledger is no news. */
const WORTH_A_LINE_BYTES = 64 << 10;

function ledger({ ledger }: Diff, paint: Paint): string[] {
  if (ledger === undefined) return [];
  const rows = ledger.rows
    .filter(({ name, difference }) => name !== 'RSS' && Math.abs(difference.value ?? 0) >= WORTH_A_LINE_BYTES)
    .slice(0, MAX_ROWS);
  if (rows.length === 0) return [];
  return [
    paint.heading(columnHeads('Resident, by line')),
    ...rows.map(({ name, ...change }) => line(shorten(name, NAME_WIDTH - 1), change, 'bytes', paint)),
  ];
}

/** What is not sure is dim; what grew is what one looks for. */
function painted({ verdict, difference }: Change, text: string, paint: Paint): string {
  if (verdict === 'grown') return paint.warning(text);
  return verdict === 'shrunk' ? paint[difference.kind](text) : paint.dim(text);
}

/** What did not change is no news. */
const onlyDifferent = ({ rows, ...rest }: DiffTable): DiffTable => ({
  ...rest,
  rows: rows.filter(({ inuse_space }) => inuse_space.difference.value !== 0),
});

function table(title: string, { rows, folded }: DiffTable, maxRows: number, paint: Paint): string[] {
  if (rows.length === 0) return [];
  const rest = rows.slice(maxRows);
  const count = rest.length + (folded?.rows ?? 0);
  const bytes = rest.reduce((sum, { inuse_space }) => sum + (inuse_space.difference.value ?? 0), 0);
  const text = `and ${formatCount(count)} more: ${formatBytes(bytes + (folded?.difference ?? 0))} in all`;
  return [
    paint.heading(columnHeads(title)),
    ...rows.slice(0, maxRows).map((row) => line(rowName(row.name), row.inuse_space, 'bytes', paint)),
    ...(count === 0 ? [] : [paint.dim(text)]),
  ];
}

const SITE_SECTIONS = [
  { verdict: 'grown', title: 'Sites that grew' },
  { verdict: 'shrunk', title: 'Sites that shrank' },
  { verdict: 'unclear', title: 'Sites whose difference is within its error bar' },
] as const;

function sites({ rows }: DiffTable, paint: Paint): string[][] {
  const sections = SITE_SECTIONS.map(({ verdict, title }) => {
    const found = rows.filter(({ inuse_space }) => inuse_space.verdict === verdict);
    if (found.length === 0) return [];
    // Nobody asks for many of what may be nothing.
    const shown = found.slice(0, verdict === 'unclear' ? MAX_SITES / 2 : MAX_SITES);
    return [paint.heading(title), ...shown.flatMap((row, at) => siteText(row, at + 1, paint))];
  });
  return sections.some((lines) => lines.length > 0) ? sections : [[paint.heading('Sites'), '  no difference']];
}

function siteText(row: DiffRow, number: number, paint: Paint): string[] {
  const { base, now, difference } = row.inuse_space;
  const text = formatDifference(difference, 'bytes');
  const room = ' '.repeat(Math.max(1, DIFFERENCE_WIDTH + 2 - text.length));
  const means = `${meanText(base, 'bytes')} -> ${meanText(now, 'bytes')}`;
  return [
    `${String(number).padStart(3)}  ${painted(row.inuse_space, text, paint)}${room}${means.padEnd(26)}${row.heap ?? ''}`.trimEnd(),
    ...siteLines(row).map((frame) => paint.dim(`       ${frame}`)),
  ];
}

function legend(diff: Diff, paint: Paint): string[] {
  return [
    errorText(diff),
    chanceText,
    [
      paint.measured(`${MARKS.measured} measured`),
      paint.estimated(`${MARKS.estimated} estimated, with its 95 % interval`),
      paint.unknown(`${MARKS.unknown} not known here`),
    ].join('   '),
  ];
}
