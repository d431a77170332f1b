import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export const FIREFOX = ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find(existsSync);
if (!FIREFOX) console.warn('skipped: no firefox (Debian: firefox-esr), so nobody looks at the page in its engine');

/** A Firefox as its users have it: Playwright's own build cannot be had from Debian. */
export interface Firefox {
  /** Loads a page and waits for it. */
  show(url: string): Promise<void>;
  /** Runs `return ...` in the page. */
  evaluate<T>(script: string): Promise<T>;
  /** A PDF in base64. */
  print(): Promise<string>;
  /** A PNG in base64. */
  screenshot(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Starts one without a window and drives it by Marionette, WebDriver over TCP
 * (https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html): `<bytes>:[0, <id>, <command>, <parameters>]`, answered by
 * `<bytes>:[1, <id>, <error>, <result>]`. It chooses the port itself and leaves it in its profile.
 */
export async function launchFirefox(width: number, height: number): Promise<Firefox> {
  const profile = mkdtempSync(join(tmpdir(), 'memprof-firefox-'));
  const settings = {
    'marionette.port': 0,
    'browser.shell.checkDefaultBrowser': false,
    'layers.acceleration.disabled': true,
  };
  const lines = Object.entries(settings).map(([name, value]) => `user_pref("${name}", ${value});\n`);
  writeFileSync(join(profile, 'user.js'), lines.join(''));
  const args = [
    '--headless',
    '--no-remote',
    '--marionette',
    '--profile',
    profile,
    `--width=${width}`,
    `--height=${height}`,
  ];
  const child = spawn(FIREFOX ?? 'firefox', args, { stdio: 'ignore' });
  const socket = connect(await portOf(child, profile), '127.0.0.1');
  const send = conversation(socket);
  await once(socket, 'connect');
  await send('WebDriver:NewSession', {});
  await send('WebDriver:SetWindowRect', { width, height });
  return {
    show: async (url) => {
      await send('WebDriver:Navigate', { url });
    },
    evaluate: async <T>(script: string) => (await send('WebDriver:ExecuteScript', { script, args: [] })) as T,
    print: async () => (await send('WebDriver:Print', { background: true, orientation: 'landscape' })) as string,
    screenshot: async () => (await send('WebDriver:TakeScreenshot', { full: false })) as string,
    async close() {
      socket.destroy();
      child.kill();
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function portOf(child: ChildProcess, profile: string): Promise<number> {
  const file = join(profile, 'MarionetteActivePort');
  while (child.exitCode === null) {
    if (existsSync(file)) {
      const port = Number(readFileSync(file, 'utf8'));
      if (port > 0) return port;
    }
    await delay(50);
  }
  throw new Error(`firefox ended with ${child.exitCode}`);
}

type Send = (command: string, parameters: object) => Promise<unknown>;

function conversation(socket: Socket): Send {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let received = Buffer.alloc(0);
  let sent = 0;
  socket.on('data', (data) => {
    received = Buffer.concat([received, data]);
    for (;;) {
      const colon = received.indexOf(':');
      const length = Number(received.subarray(0, Math.max(0, colon)).toString());
      if (colon === -1 || received.length < colon + 1 + length) return;
      const message = JSON.parse(received.subarray(colon + 1, colon + 1 + length).toString()) as unknown;
      received = received.subarray(colon + 1 + length);
      // The first is its greeting.
      if (!Array.isArray(message)) continue;
      const [, id, error, result] = message as [number, number, { message: string } | null, { value?: unknown } | null];
      const wait = waiting.get(id);
      waiting.delete(id);
      if (error) wait?.reject(new Error(error.message));
      else wait?.resolve(result?.value);
    }
  });
  socket.on('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('firefox went away'));
  });
  return (command, parameters) =>
    new Promise((resolve, reject) => {
      const id = ++sent;
      waiting.set(id, { resolve, reject });
      const text = JSON.stringify([0, id, command, parameters]);
      socket.write(`${Buffer.byteLength(text)}:${text}`);
    });
}
