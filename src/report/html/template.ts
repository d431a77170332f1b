import { readFileSync } from 'node:fs';
import { EXIT, MemprofError } from '../../errors.js';
import type { PageData } from './page-data.js';

/** Made by build.mjs; found from src/ as well as from dist/. */
const TEMPLATE = new URL('../../../dist/report/html/template.html', import.meta.url);

/**
 * Puts the data into the page, as JSON in a script element that no browser runs: its end is the only thing that markup could end it with.
 * @throws MemprofError PAGE_NOT_BUILT
 */
export function fillTemplate(title: string, data: PageData): string {
  let template: string;
  try {
    template = readFileSync(TEMPLATE, 'utf8');
  } catch (cause) {
    throw new MemprofError(`the page's template is missing: ${(cause as Error).message}`, {
      code: 'PAGE_NOT_BUILT',
      exitCode: EXIT.usage,
      hint: 'Run `npm run build`, or install memprof again.',
      cause,
    });
  }
  const parts: Record<string, string> = {
    title: escapeText(title),
    data: JSON.stringify(data).replaceAll('<', '\\u003c'),
  };
  // In one pass: a name may read like a placeholder.
  return template.replace(/\{\{(title|data)\}\}/g, (_, name: string) => parts[name] ?? '');
}

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
