import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { summarize } from '../../src/analyze/summary.ts';
import { FORMATS } from '../../src/report/index.ts';
import { writeSpeedscopePage } from '../../src/report/open-page.ts';
import { type Browser, CHROMIUM, launchChromium } from '../helpers/browser.ts';
import { inferenceProfile, poolProfile } from '../helpers/profiles.ts';

describe.skipIf(!CHROMIUM)('the bundled speedscope, offline, in a browser', () => {
  // A name that a careless URL would break.
  const directory = mkdtempSync(join(tmpdir(), 'memprof page #1 é&='));
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];
  const requests: string[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
    page = await browser.newPage({ viewport: { width: 1400, height: 620 } });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function show(profile: ReturnType<typeof poolProfile>, name: string): Promise<void> {
    const file = join(directory, `${name}.speedscope.json`);
    const summary = summarize(profile, { memprofVersion: '0.0.0' });
    writeFileSync(file, FORMATS.speedscope(profile, { summary }));
    const { url } = writeSpeedscopePage(file, join(directory, name));
    await page.goto('about:blank');
    await page.goto(url);
    await page.getByText(/^inuse_space by arena \(1\/\d+\)/).waitFor({ timeout: 30_000 });
  }

  /** speedscope draws on a canvas; the Sandwich view lists every frame of the profile as text. */
  async function sandwichNames(): Promise<string[]> {
    await page.getByText('Sandwich', { exact: false }).click();
    // The list of profiles is a hidden table.
    const rows = page.locator('tr:visible', { hasText: '%' });
    await rows.first().waitFor({ timeout: 15_000 });
    return rows.allInnerTexts();
  }

  it('shows native and JavaScript frames of one stack', async () => {
    await show(inferenceProfile(), 'inference');
    const names = (await sandwichNames()).join('\n');
    for (const name of [
      'Decoder.decode',
      'OnnxSession.run',
      'onnxruntime::InferenceSession::Run(OrtRunOptions const*)',
      'glibc#0',
      'v8:old_space',
    ]) {
      expect(names).toContain(name);
    }
  });

  it('draws each arena as one band of colour', async () => {
    await show(poolProfile(), 'pools');
    await page.waitForTimeout(800);
    const picture = await page.screenshot();
    const shot = process.env.MEMPROF_TEST_SCREENSHOT;
    if (shot) writeFileSync(shot, picture);
    // Left Heavy puts the biggest first: 700 MiB of kv-cache in four arenas, 600 of weights, 160 of tensors, 18 of V8.
    const arenas: readonly [name: string, startMib: number, endMib: number, depth: number][] = [
      ['kv-cache#0', 0, 220, 4],
      ['kv-cache#1', 220, 410, 4],
      ['kv-cache#2', 410, 570, 4],
      ['kv-cache#3', 570, 700, 4],
      ['weights#0', 700, 1_300, 3],
      ['tensor-pool#0', 1_300, 1_460, 3],
    ];
    const bands: { name: string; low: number; high: number }[] = [];
    for (const [name, start, end, depth] of arenas) {
      const x = ((start + end) / 2 / 1_478) * WIDTH;
      // Two rows of pool and arena, then the call path: all of the arena's rows, the arena's own included.
      const points = Array.from({ length: depth + 1 }, (_, row) => ({ x, y: FIRST_ROW_Y + ROW_HEIGHT * (row + 1) }));
      const hues = (await hueAt(page, picture, points)).map((hue) => (hue > 345 ? hue - 360 : hue));
      bands.push({ name, low: Math.min(...hues), high: Math.max(...hues) });
    }
    bands.sort((a, b) => a.low - b.low);
    for (const [i, band] of bands.entries()) {
      const next = bands[i + 1];
      if (next) expect(band.high, `${band.name} runs into ${next.name}`).toBeLessThan(next.low);
    }
  });

  it('asks the network for nothing and throws no error', () => {
    expect(requests.length).toBeGreaterThan(3);
    expect(requests.filter((url) => !/^(file:|data:|blob:|about:)/.test(url))).toEqual([]);
    expect(problems).toEqual([]);
  });
});

const WIDTH = 1400;
/** A pixel row above the text of the flame graph's first row, and the height of a row: speedscope's layout. */
const FIRST_ROW_Y = 146;
const ROW_HEIGHT = 20;

// The browser's side of `hueAt`; the project itself has no use for the types of the DOM.
declare function createImageBitmap(blob: Blob): Promise<{ width: number; height: number }>;
declare class OffscreenCanvas {
  constructor(width: number, height: number);
  getContext(kind: '2d'): null | {
    drawImage(image: object, x: number, y: number): void;
    getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray };
  };
}

/** Hues in degrees of some points of a PNG, decoded by the browser itself. */
function hueAt(page: Page, png: Buffer, points: readonly { x: number; y: number }[]): Promise<number[]> {
  return page.evaluate(
    async ({ base64, at }) => {
      const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
      if (!context) throw new Error('no 2d context');
      context.drawImage(bitmap, 0, 0);
      return at.map(({ x, y }) => {
        const [r = 0, g = 0, b = 0] = context.getImageData(Math.round(x), Math.round(y), 1, 1).data;
        const max = Math.max(r, g, b);
        const range = max - Math.min(r, g, b);
        if (range === 0) throw new Error(`no colour at ${x}, ${y}: ${r} ${g} ${b}`);
        const sector = max === r ? (g - b) / range : max === g ? 2 + (b - r) / range : 4 + (r - g) / range;
        return (sector * 60 + 360) % 360;
      });
    },
    { base64: png.toString('base64'), at: points },
  );
}
