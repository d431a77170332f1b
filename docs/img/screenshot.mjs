#!/usr/bin/env node
/**
 * Makes the pictures in this folder from memprof's own output.
 *
 *     npm run demo && node docs/img/screenshot.mjs memprof-demo docs/img/demo-speedscope.png n
 *     (cd fixtures/workloads; LEAK_KV=1 PORT=8017 npx memprof run -o rec -- node sse-server.mjs), 24 requests by drive.mjs --url, SIGTERM, and n: by-arena.png
 *     npx memprof report rec --by pool --format speedscope -o rec.speedscope.json && node docs/img/screenshot.mjs rec.speedscope.json pool.png
 *
 *     npx memprof report rec --format html -o page.html && node docs/img/screenshot.mjs page.html docs/img/html.png, of that server with LEAK_KV=1 LATE_FREE=1, 60 requests
 *
 * The keys after the picture's name are pressed first; n goes to the next profile in the file.
 * Needs Chromium and the development dependencies.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { writeSpeedscopePage } from '../../dist/report/open-page.js';

const [source, picture, ...keys] = process.argv.slice(2);
if (!source || !picture)
  throw new Error('usage: screenshot.mjs RECORDING|FILE.speedscope.json|PAGE.html PICTURE.png [KEY ...]');
const isPage = source.endsWith('.html');
const file = source.endsWith('.json') ? source : join(source, 'profile.speedscope.json');

const folder = mkdtempSync(join(tmpdir(), 'memprof-picture-'));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--use-gl=swiftshader',
    '--enable-unsafe-swiftshader',
    '--allow-file-access-from-files',
  ],
});
try {
  const url = isPage ? pathToFileURL(source).href : writeSpeedscopePage(file, folder).url;
  const page = await browser.newPage({
    viewport: isPage ? { width: 1280, height: 1190 } : { width: 1400, height: 760 },
  });
  await page.goto(url);
  await page.waitForTimeout(2500); // it draws on a canvas: there is nothing to wait for
  for (const key of keys) {
    await page.keyboard.press(key);
    await page.waitForTimeout(700);
  }
  await page.screenshot({ path: picture });
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
