import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { MemprofError } from '../../src/errors.ts';
import { findBrowser, writeSpeedscopePage } from '../../src/report/open-page.ts';

const directory = mkdtempSync(join(tmpdir(), 'memprof-page-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('writeSpeedscopePage', () => {
  const profile = join(directory, 'odd "name" <&>.json');
  writeFileSync(profile, '{"frames": "</script>"}');
  const page = writeSpeedscopePage(profile, join(directory, 'page one'));

  it('makes a page that exists, with all that it loads', () => {
    const url = new URL(page.url);
    expect(url.protocol).toBe('file:');
    const index = fileURLToPath(new URL(url.pathname, 'file:'));
    const html = readFileSync(index, 'utf8');
    for (const [, file] of html.matchAll(/(?:src|href)="([^"]+)"/g))
      expect(existsSync(join(index, '..', file ?? ''))).toBe(true);
  });

  it('hands the profile over in a script that speedscope finds', () => {
    // speedscope decodes the parameter once and puts file:/// before it.
    const parameter = new URLSearchParams(new URL(page.url).hash.slice(1)).get('localProfilePath') ?? '';
    const script = readFileSync(fileURLToPath(new URL(`file:///${parameter}`)), 'utf8');
    const call = /^speedscope\.loadFileFromBase64\((".*"), (".*")\);\n$/.exec(script);
    expect(JSON.parse(call?.[1] ?? '')).toBe('odd "name" <&>.json');
    expect(Buffer.from(JSON.parse(call?.[2] ?? ''), 'base64').toString()).toBe('{"frames": "</script>"}');
  });

  it('leaves a small page for openers that drop the part after #', () => {
    const html = readFileSync(page.path, 'utf8');
    expect(html).toContain(JSON.stringify(page.url));
    expect(html).not.toContain('<&>');
  });

  it('is for its owner only', () => {
    expect(statSync(join(directory, 'page one')).mode & 0o777).toBe(0o700);
    expect(statSync(page.path).mode & 0o777).toBe(0o600);
  });

  it('may be written twice', () => {
    expect(writeSpeedscopePage(profile, join(directory, 'page one'))).toEqual(page);
  });

  it('says what is missing: the profile, or a place for the page', () => {
    const lost = errorOf(() => writeSpeedscopePage(join(directory, 'nowhere.json'), directory));
    expect(lost).toBeInstanceOf(MemprofError);
    expect(lost).toMatchObject({ exitCode: 2, message: expect.stringContaining('nowhere.json') });
    writeFileSync(join(directory, 'a-file'), '');
    const blocked = errorOf(() => writeSpeedscopePage(profile, join(directory, 'a-file')));
    expect(blocked).toMatchObject({ exitCode: 2, hint: expect.stringContaining('directory') });
  });
});

describe('findBrowser', () => {
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  const program = (name: string, mode = 0o755) => {
    writeFileSync(join(bin, name), '');
    chmodSync(join(bin, name), mode);
  };
  program('chromium');
  program('my-browser');

  it('finds a program only where there is a display', () => {
    expect(findBrowser({ PATH: bin, DISPLAY: ':0' }, 'linux')).toEqual({ command: 'chromium', args: [] });
    expect(findBrowser({ PATH: bin, WAYLAND_DISPLAY: 'wayland-0' }, 'linux')?.command).toBe('chromium');
    expect(findBrowser({ PATH: bin }, 'linux')).toBeUndefined();
    expect(findBrowser({ PATH: join(directory, 'empty'), DISPLAY: ':0' }, 'linux')).toBeUndefined();
    expect(findBrowser({ DISPLAY: ':0' }, 'linux')).toBeUndefined();
  });

  it('prefers what the person chose, if it is there', () => {
    expect(findBrowser({ PATH: bin, BROWSER: 'my-browser' }, 'linux')?.command).toBe('my-browser');
    expect(findBrowser({ PATH: bin, BROWSER: 'gone', DISPLAY: ':0' }, 'linux')?.command).toBe('chromium');
    expect(findBrowser({ PATH: '', BROWSER: join(bin, 'my-browser') }, 'linux')?.command).toBe(join(bin, 'my-browser'));
  });

  it('prefers xdg-open to a browser', () => {
    program('xdg-open');
    expect(findBrowser({ PATH: bin, DISPLAY: ':0' }, 'linux')?.command).toBe('xdg-open');
  });

  it('knows macOS and Windows', () => {
    expect(findBrowser({}, 'darwin')).toEqual({ command: 'open', args: [] });
    expect(findBrowser({}, 'win32')?.command).toBe('cmd');
  });
});
