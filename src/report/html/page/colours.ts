/** Colours of what is drawn. Each has a hue of its own for light and dark pages alike; lightness is the theme's. */

/** Related lines of the ledger have related hues: files blue, malloc orange, V8 green, WebAssembly violet, the rest grey. */
const LEDGER: Readonly<Record<string, readonly [hue: number, saturation: number, shift: number]>> = {
  malloc: [28, 88, 0],
  mallocMapped: [42, 90, 4],
  allocator: [16, 78, 6],
  v8Heap: [148, 52, -4],
  v8Code: [168, 48, 4],
  v8Other: [130, 38, 10],
  wasmMemory: [272, 55, 2],
  wasmCode: [288, 48, 8],
  binaries: [212, 48, 6],
  models: [228, 62, 0],
  files: [198, 52, 8],
  private: [206, 36, 14],
  loader: [216, 20, 18],
  bss: [200, 20, 20],
  mapped: [338, 58, 2],
  stacks: [52, 40, 8],
  shared: [188, 60, 0],
  profiler: [0, 0, 12],
  ioUring: [320, 30, 10],
  devices: [300, 20, 10],
  kernel: [60, 15, 14],
  unknown: [0, 40, 8],
  residual: [0, 75, 0],
  rest: [220, 8, 10],
};

const HUES = [28, 205, 148, 275, 340, 48, 180, 230, 8, 110, 305, 62, 252, 165];

export function bandColour(name: string, at: number): string {
  const [hue, saturation, shift] = LEDGER[name] ?? [HUES[at % HUES.length] ?? 0, at < HUES.length ? 58 : 30, 0];
  return `hsl(${hue} ${saturation}% ${(isDark() ? 46 : 60) + shift}%)`;
}

/** Lines are thin: they need more contrast than areas. */
export function lineColour(name: string, at: number): string {
  if (name === 'rss') return themeColour('text');
  return `hsl(${HUES[(at + 2) % HUES.length] ?? 0} 70% ${isDark() ? 66 : 42}%)`;
}

/** Of a text of no fixed meaning: the same colour each time. */
export function hashColour(text: string, saturation: number, lightness: number): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return `hsl(${(hash >>> 8) % 360} ${saturation}% ${lightness}%)`;
}

/** A colour of the style sheet, as the canvas needs it. */
export function themeColour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

let printing = false;
const listeners: (() => void)[] = [];

export function isDark(): boolean {
  if (printing) return false;
  const forced = document.documentElement.dataset.theme;
  return forced === undefined ? matchMedia('(prefers-color-scheme: dark)').matches : forced === 'dark';
}

/** Paper is narrower, and nothing is drawn anew for it but colours. */
export function isPrinting(): boolean {
  return printing;
}

/** Called when the theme has changed, and before and after printing, which is on white. */
export function onTheme(listener: () => void): void {
  listeners.push(listener);
}

export function setTheme(theme: 'light' | 'dark'): void {
  document.documentElement.dataset.theme = theme;
  announce();
}

export function watchTheme(): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', announce);
  addEventListener('beforeprint', () => print(true));
  addEventListener('afterprint', () => print(false));
}

function print(starts: boolean): void {
  printing = starts;
  document.documentElement.toggleAttribute('data-printing', starts);
  announce();
}

function announce(): void {
  for (const listener of listeners) listener();
}
