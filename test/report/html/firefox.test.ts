import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { summarize } from '../../../src/analyze/summary.ts';
import { buildTemplate } from '../../../src/report/html/build.mjs';
import { FORMATS } from '../../../src/report/index.ts';
import { FIREFOX, type Firefox, launchFirefox } from '../../helpers/firefox.ts';
import { hostileProfile, lively, livelyLedgers } from './profiles.ts';

/** A slow machine is no failure. */
const PATIENCE = { timeout: 20_000 };

describe.skipIf(!FIREFOX)('the page in Firefox', () => {
  const directory = mkdtempSync(join(tmpdir(), 'memprof html firefox '));
  let firefox: Firefox;

  beforeAll(async () => {
    await buildTemplate();
    firefox = await launchFirefox(1280, 900);
  });

  afterAll(async () => {
    await firefox?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function show(profile = lively(), ledgers = livelyLedgers()): Promise<void> {
    const path = join(directory, 'page.html');
    writeFileSync(path, FORMATS.html(profile, { summary: summarize(profile, { memprofVersion: '0.0.0' }), ledgers }));
    await firefox.show(pathToFileURL(path).href);
    await expect.poll(() => firefox.evaluate('return document.documentElement.dataset.ready'), PATIENCE).toBe('true');
  }

  const texts = (selector: string): Promise<string[]> =>
    firefox.evaluate(`return [...document.querySelectorAll('${selector}')].map(({ textContent }) => textContent)`);
  const press = (name: string): Promise<void> =>
    firefox.evaluate(
      `[...document.querySelectorAll('button')].findLast((button) => button.textContent === '${name}').click()`,
    );

  it('draws areas, lanes and the flame graph', async () => {
    await show();
    const shot = process.env.MEMPROF_TEST_SCREENSHOT;
    if (shot) writeFileSync(shot, await firefox.screenshot(), 'base64');
    const colours = await firefox.evaluate<number>(`
      const canvas = document.querySelector('.plot canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Map();
      for (let at = 0; at < data.length; at += 4) {
        const colour = data.slice(at, at + 4).join();
        seen.set(colour, (seen.get(colour) ?? 0) + 1);
      }
      return [...seen.values()].filter((pixels) => pixels > 2000).length`);
    // The page's, and two areas at least.
    expect(colours).toBeGreaterThanOrEqual(3);
    expect((await texts('.lanes title')).join()).toContain('mark-compact, forced: 12.5 ms');
    await expect.poll(() => texts('.flame .d3-flame-graph-label'), PATIENCE).toContain('decode');
    await press('by arena');
    await expect.poll(() => texts('.flame .d3-flame-graph-label'), PATIENCE).toContain('kv-cache');
  });

  it('shows the ledger at the moment that is clicked', async () => {
    await show();
    expect((await texts('.ledger .moment')).join()).toContain('RSS 85.8 MiB at 1.0 s');
    await firefox.evaluate(`
      const over = document.querySelector('.u-over');
      const { left, top, width } = over.getBoundingClientRect();
      for (const kind of ['mousedown', 'mouseup', 'click'])
        over.dispatchEvent(new MouseEvent(kind, { clientX: left + width - 2, clientY: top + 50, bubbles: true }));`);
    expect((await texts('.ledger .moment')).join()).toContain('RSS 76.3 MiB at 2.0 s');
  });

  it('shows names of any kind as text', async () => {
    await show(hostileProfile(), []);
    await press('by arena');
    expect(await firefox.evaluate('return [document.title, document.images.length]')).toEqual([
      '</script><script>document.title="owned"</script>: memory profile',
      0,
    ]);
  });

  it('lets no script run but its own', async () => {
    await show();
    expect(
      await firefox.evaluate(`
        const script = document.createElement('script');
        script.textContent = 'document.title = "owned"';
        document.body.append(script);
        return document.title`),
    ).toBe('node: memory profile');
  });

  it('prints', async () => {
    await show();
    expect(
      Buffer.from(await firefox.print(), 'base64')
        .subarray(0, 5)
        .toString(),
    ).toBe('%PDF-');
  });
});
