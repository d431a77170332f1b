/** A small writer of SVG: elements as strings, scales, axes. The colours can be read on white and on black; the background is the page's. */

export const TEXT = '#76808b';
export const GRID = '#76808b40';
export const COLOURS = {
  blue: '#3b82c4',
  orange: '#d9822b',
  green: '#3f9e5f',
  purple: '#9a6fc2',
  red: '#cf5c5c',
};
const FONT = "-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif";

const escaped = (text) => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
const written = (value) => (typeof value === 'number' ? String(Math.round(value * 100) / 100) : escaped(value));

/** `children` are elements already; text goes through `label`. */
export function element(name, attributes, ...children) {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  const head = [name, ...given.map(([key, value]) => `${key}="${written(value)}"`)].join(' ');
  return children.length === 0 ? `<${head}/>` : `<${head}>${children.join('')}</${name}>`;
}

/** A picture; `title` is what a screen reader says of it. */
export function picture({ width, height, title }, children) {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: 'img',
    'font-family': FONT,
    'font-size': 13,
    fill: TEXT,
  };
  return `${element('svg', attributes, `\n${element('title', {}, escaped(title))}`, ...children.map((child) => `\n${child}`), '\n')}\n`;
}

export function label(x, y, text, { anchor = 'start', bold = false, size, colour } = {}) {
  const weight = bold ? 600 : undefined;
  return element(
    'text',
    { x, y, 'text-anchor': anchor, 'font-weight': weight, 'font-size': size, fill: colour },
    escaped(text),
  );
}

export function line(x1, y1, x2, y2, { colour = GRID, width = 1, dashes } = {}) {
  return element('line', { x1, y1, x2, y2, stroke: colour, 'stroke-width': width, 'stroke-dasharray': dashes });
}

/** A dot at a value, and its spread as a bar through it. `hollow` dots are the second reading of a thing. */
export function dot(x, y, { colour, hollow = false, radius = 4.5 }) {
  return hollow
    ? element('circle', { cx: x, cy: y, r: radius - 0.75, fill: 'none', stroke: colour, 'stroke-width': 1.5 })
    : element('circle', { cx: x, cy: y, r: radius, fill: colour });
}

/** Maps `low..high` to `from..to` in pixels, linear or by logarithm. */
export function scale({ low, high, from, to, log = false }) {
  const of = log ? Math.log : (value) => value;
  return (value) => from + ((of(value) - of(low)) / (of(high) - of(low))) * (to - from);
}

/** Names with their colours in one line. */
export function legend(x, y, entries) {
  const parts = [];
  let at = x;
  for (const { name, ...mark } of entries) {
    parts.push(dot(at + 5, y - 4.5, mark), label(at + 15, y, name));
    at += 15 + 6.5 * name.length + 22; // about the width of the font
  }
  return parts;
}
