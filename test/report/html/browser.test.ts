import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { summarize } from '../../../src/analyze/summary.ts';
import type { ProcessInfo, Profile } from '../../../src/model/profile.ts';
import { buildTemplate } from '../../../src/report/html/build.mjs';
import { FORMATS, type ReportOptions } from '../../../src/report/index.ts';
import { type Browser, CHROMIUM, launchChromium } from '../../helpers/browser.ts';
import { inferenceProfile, makeProfile, poolProfile } from '../../helpers/profiles.ts';
import { HOSTILE, hostileProfile, lively, livelyLedgers } from './profiles.ts';

describe.skipIf(!CHROMIUM)('the page, from disk, in a browser', () => {
  // A name that a careless URL would break.
  const directory = mkdtempSync(join(tmpdir(), 'memprof html #1 é&='));
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];
  const requests: string[] = [];

  beforeAll(async () => {
    await buildTemplate();
    browser = await launchChromium();
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('request', (request) => requests.push(request.url()));
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function show(profile: Profile, more: Partial<ReportOptions> = {}): Promise<void> {
    const path = join(directory, 'page.html');
    writeFileSync(path, FORMATS.html(profile, { summary: summarize(profile, { memprofVersion: '0.0.0' }), ...more }));
    await page.goto(`file://${encodeURI(path).replace('#', '%23')}`);
    await page.locator('html[data-ready]').waitFor({ state: 'attached', timeout: 20_000 });
  }

  const plotBox = async () => (await page.locator('.u-over').boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
  const rows = () => page.locator('.flame .d3-flame-graph-label:visible').allInnerTexts();

  const row = (name: string) => page.locator('.flame .d3-flame-graph-label', { hasText: name }).first();

  it('shows the flame graph by function, then by arena', async () => {
    await show(poolProfile());
    await row('KvCache.append').waitFor();
    expect(await rows()).not.toContain('weights#0');
    await page.getByRole('button', { name: 'by arena' }).click();
    await row('kv-cache#0').waitFor();
    expect(await rows()).toEqual(expect.arrayContaining(['kv-cache', 'weights', 'weights#0', 'kv-cache#3']));
  });

  it('zooms into a row and out again', async () => {
    await show(poolProfile());
    await row('llama_model_load').click({ force: true });
    await expect.poll(rows, { timeout: 20_000 }).not.toContain('prefill');
    await page.getByRole('button', { name: 'reset zoom' }).click();
    await expect.poll(rows, { timeout: 20_000 }).toContain('prefill');
  });

  it('finds names, files and libraries, and says how much they hold', async () => {
    await show(poolProfile());
    await page.getByRole('searchbox').fill('LIBLLAMA');
    await page.getByText('600 MiB found, 40.6 %').waitFor();
  });

  it('draws pools over time, and says what held how much where the mouse is', async () => {
    await show(lively());
    const { x, y, width, height } = await plotBox();
    await page.mouse.move(x + width / 2, y + height / 2);
    const tip = await page.locator('.tip').allInnerTexts();
    expect(tip.join().replace(/\s+/g, ' ')).toBe('1.00 s RSS 85.8 MiB kv-cache 8.6 MiB scratch 1.9 MiB');
    expect(await page.locator('.lanes title').allTextContents()).toEqual(
      expect.arrayContaining(['decode at 500 ms', expect.stringContaining('mark-compact, forced: 12.5 ms')]),
    );
  });

  it('shows the ledger at the peak, and at the moment that is clicked', async () => {
    await show(lively(), { ledgers: livelyLedgers() });
    const text = async (): Promise<string> =>
      (await page.locator('.ledger').allInnerTexts()).join().replace(/\s+/g, ' ');
    expect(await text()).toMatch(/^RSS 85.8 MiB at 1.0 s .*malloc heaps = 47.7 MiB 55.5 %/);
    const { x, y, width, height } = await plotBox();
    await page.mouse.click(x + width - 2, y + height / 2);
    const clicked = await text();
    expect(clicked).toMatch(/^RSS 76.3 MiB at 2.0 s .*malloc heaps = 38.1 MiB 50.0 % -9.5 MiB/);
    expect(clicked).toMatch(/residual \? 9.8 KiB 0.0 %/);
    await page.getByRole('button', { name: 'the reading before' }).click();
    expect(await text()).toMatch(/^RSS 85.8 MiB at 1.0 s/);
  });

  it('opens at the moment that was asked for', async () => {
    await show(lively(), { ledgers: livelyLedgers(), at: { afterStartNs: 100_000_000n } });
    expect(await page.locator('.ledger .moment').textContent()).toBe(
      'RSS 47.7 MiB at 0.0 s, the reading nearest to 100 ms',
    );
  });

  it('shows one process after the other, each with its own ledger', async () => {
    const base = lively();
    const [first] = base.processes;
    const child = { ...first, pid: 4712, parentPid: 4711, name: 'worker' } as ProcessInfo;
    const gauges = base.gauges.flatMap((gauge) => [gauge, { ...gauge, pid: 4712, points: gauge.points.slice(0, 2) }]);
    const ledgers = livelyLedgers();
    const [low] = ledgers;
    const ofChild = low ? [{ ...low, ledger: { ...low.ledger, pid: 4712 } }] : [];
    await show({ ...base, processes: [child, ...base.processes], gauges }, { ledgers: [...ofChild, ...ledgers] });
    const process = page.getByRole('combobox', { name: 'process' });
    expect(await process.inputValue()).toBe('node [4711]');
    expect(await page.locator('.ledger .moment').textContent()).toContain('RSS 85.8 MiB at 1.0 s');
    await process.selectOption('worker [4712]');
    expect(await page.locator('.ledger .moment').textContent()).toContain('RSS 47.7 MiB at 0.0 s');
    // One reading makes no areas.
    expect(await page.getByRole('button', { name: 'by ledger line' }).count()).toBe(0);
    expect(await page.getByRole('button', { name: 'by pool' }).getAttribute('aria-pressed')).toBe('true');
  });

  it('has nothing to show of an empty profile, and says so', async () => {
    await show(makeProfile([], { processes: [] }));
    expect(await page.locator('main section').count()).toBe(0);
    expect(await page.locator('main').textContent()).toContain('Nothing was recorded.');
  });

  it('sorts a table', async () => {
    await show(inferenceProfile());
    const table = page.locator('section', { has: page.getByRole('heading', { name: 'Heaps' }) });
    const first = () => table.locator('tbody tr td').first().textContent();
    await table.getByRole('button', { name: 'heap' }).click();
    expect(await first()).toBe('libc.malloc');
    await table.getByRole('button', { name: 'objects' }).click();
    expect(await first()).toBe('v8');
  });

  it('shows names of any kind as text', async () => {
    await show(hostileProfile());
    await page.getByRole('button', { name: 'by arena' }).last().click();
    for (const name of HOSTILE.slice(0, 4))
      await page.getByText(name, { exact: true }).first().waitFor({ state: 'attached' });
    expect(await page.title()).toBe(`${HOSTILE[0]}: memory profile`);
    expect(await page.locator('img').count()).toBe(0);
  });

  it('lets no script run but its own, and no request leave', async () => {
    await show(lively());
    const isRun = await page.evaluate(() => {
      const { document } = globalThis as unknown as {
        document: Record<'createElement', (tag: string) => HTMLScript> & { body: { append(child: unknown): void } };
      };
      const script = document.createElement('script');
      script.textContent = 'globalThis.isRun = true';
      document.body.append(script);
      return 'isRun' in globalThis;
    });
    expect(isRun).toBe(false);
    expect(problems.splice(0)).toEqual([expect.stringContaining('Content Security Policy')]);
    const answer = page.evaluate(() =>
      fetch('http://127.0.0.1:9/').then(
        () => 'sent',
        (error: Error) => error.message,
      ),
    );
    expect(await answer).toContain('Failed to fetch');
    expect(problems.splice(0).join(' ')).toContain("default-src 'none'");
  });

  it('prints on white, in pages of its own', async () => {
    await page.emulateMedia({ colorScheme: 'dark' });
    await show(lively());
    const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
  });

  it('asked for nothing and threw no error', () => {
    expect(requests.filter((url) => !url.startsWith('file:') && !url.startsWith('http://127.0.0.1:9/'))).toEqual([]);
    expect(problems).toEqual([]);
  });
});

/** The project itself has no use for the types of the DOM. */
interface HTMLScript {
  textContent: string;
}
