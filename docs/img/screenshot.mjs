#!/usr/bin/env node
/**
 * Makes the pictures in this folder from memprof's own output.
 *
 *     npm run demo && node docs/img/screenshot.mjs memprof-demo docs/img/demo-speedscope.png n
 *
 * The keys after the picture's name are pressed first; n goes to the next profile in the file.
 * Needs Chromium and the development dependencies.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { writeSpeedscopePage } from '../../dist/report/open-page.js';

const [recording, picture, ...keys] = process.argv.slice(2);
if (!recording || !picture) throw new Error('usage: screenshot.mjs RECORDING PICTURE.png [KEY ...]');

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
  const { url } = await writeSpeedscopePage(join(recording, 'profile.speedscope.json'), folder);
  const page = await browser.newPage({ viewport: { width: 1400, height: 760 } });
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
