#!/usr/bin/env node
/**
 * Builds the page's template: bundles page/ with the libraries for charts and flame graph, their licences and the style into one file.
 * The policy in it names the script and the style by their hashes, so that nothing else runs, whatever a name in a profile holds.
 *
 *     node src/report/html/build.mjs      writes dist/report/html/template.html
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '../../..');
const OUTPUT = join(ROOT, 'dist/report/html/template.html');

/** Builds it and returns where it is. */
export async function buildTemplate() {
  const { script, packages } = await bundle();
  const library = readFileSync(join(ROOT, 'node_modules/uplot/dist/uPlot.min.css'), 'utf8');
  const style = `${library}\n${readFileSync(join(HERE, 'page/style.css'), 'utf8')}`;
  const licences = packages.map(licenceOf).join('\n\n');
  for (const [name, text] of Object.entries({ script, style, licences })) {
    if (/<\/(script|style)|<!--|\{\{\w+\}\}/i.test(text)) throw new Error(`${name} would break the page's markup`);
  }
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const template = markup({ policy, style, licences, script });
  mkdirSync(dirname(OUTPUT), { recursive: true });
  writeFileSync(OUTPUT, template);
  return OUTPUT;
}

/** Title and data are filled in for each profile. */
const markup = ({ policy, style, licences, script }) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{title}}</title>
<style>${style}</style>
</head>
<body>
<noscript>This page draws with JavaScript, which is off in this browser. It loads nothing: all of it is in this file.</noscript>
<div id="page"></div>
<script type="application/json" id="data">{{data}}</script>
<script type="text/plain" id="licences">${licences}</script>
<script>${script}</script>
</body>
</html>
`;

async function bundle() {
  const build = await rolldown({
    input: join(HERE, 'page/main.ts'),
    platform: 'browser',
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    moduleTypes: { '.css': 'empty' },
    logLevel: 'warn',
  });
  const { output } = await build.generate({ format: 'iife', minify: true, comments: false });
  await build.close();
  const [chunk] = output;
  const packages = new Set();
  for (const path of chunk.moduleIds) {
    const [, name] = path.split(`node_modules${sep}`);
    if (name !== undefined) packages.add(name.split(sep)[0]);
  }
  return { script: chunk.code, packages: [...packages].sort() };
}

/** Name, version and licence text of a package. */
function licenceOf(name) {
  const folder = join(ROOT, 'node_modules', name);
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`${name} has no licence file`);
  return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}`;
}

const hashOf = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildTemplate();
