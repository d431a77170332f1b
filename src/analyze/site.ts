import { baseName, type Frame } from '../model/frames.js';
import { describeFrame, isEngine, type Site } from './site-reader.js';

/** The program's line first. */
export function framesOfSite({ user, js, callee }: Site): Frame[] {
  return [user, js, callee].filter((frame) => frame !== undefined);
}

/** Same site, same text. */
export function describeSite(site: Site): string {
  return framesOfSite(site).map(describeFrame).join(' > ') || '(no stack)';
}

/** One site of two with the same text: a line that is approximate in either is so in the result. */
export function mergeSites(a: Site, b: Site): Site {
  let merged = a;
  for (const role of ['callee', 'js', 'user'] as const) {
    const frame = b[role];
    if (frame?.approximate && a[role] && !a[role].approximate) merged = { ...merged, [role]: frame };
  }
  return merged;
}

/** Npm package of a JavaScript file, or the file itself. */
function packageOf(file: string): string {
  const inside = file.slice(file.lastIndexOf('node_modules/') + 'node_modules/'.length);
  if (!file.includes('node_modules/')) return file;
  return inside
    .split('/')
    .slice(0, inside.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The module that a call path's memory belongs to: the binary of the callee, else the package or file of the JavaScript. */
export function moduleOf(site: Site): string {
  if (site.callee?.module && !isEngine(site.callee)) return baseName(site.callee.module);
  if (site.js) return packageOf(site.js.file);
  if (site.callee?.module) return baseName(site.callee.module);
  // What we made up has no place, only a name.
  return site.callee?.file || site.callee?.name || '(unknown)';
}
