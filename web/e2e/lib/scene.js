// What a test begins with: a running router, and a page of it in Chromium. What
// the browser complains about fails the test.
import assert from 'node:assert/strict';
import nodeTest, { after } from 'node:test';
import { chromium } from 'playwright-core';
import { App } from './app.js';
import { Door } from './door.js';
import { Router } from './router.js';

const executable = process.env.CHROMIUM || '/usr/bin/chromium';
const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP *.evil.test 127.0.0.1'];
export const patience = 20_000; // for a condition, on a machine that is busy with other things

let browser;
const open = async () => browser ??= await chromium.launch({ executablePath: executable, args });
after(async () => browser?.close());

class Scene {
  stops = [];
  complaints = [];
  expected = null; // a pattern of what the console may say

  /** router starts a devrouter that ends with the test. */
  async router(yaml, flags, config) {
    const router = await Router.start(yaml, flags, config);
    this.stops.push(() => router.stop());
    return router;
  }

  async app(handle) {
    const app = await App.start(handle);
    this.stops.push(() => app.down());
    return app;
  }

  /** door is an address that stays while what is behind it comes and goes. */
  async door(to) {
    const door = await Door.start(to);
    this.stops.push(() => door.close());
    return door;
  }

  /** page opens url in a browser profile of its own. */
  async page(url, options = {}) {
    const context = await (await open()).newContext({ viewport: { width: 1280, height: 800 }, ...options });
    context.setDefaultTimeout(patience);
    this.stops.push(() => context.close());
    const page = await context.newPage();
    page.on('pageerror', error => this.complaints.push(`${error}`));
    page.on('console', message => {
      if (['error', 'warning'].includes(message.type()) && !this.expected?.test(message.text())) this.complaints.push(message.text());
    });
    await page.goto(url);
    return page;
  }

  /** live opens url and waits until the page is connected. */
  async live(url, options) {
    const page = await this.page(url, options);
    await page.locator('#connection[data-state=live]').waitFor();
    return page;
  }

  async end() {
    for (const stop of this.stops.reverse()) await stop();
    assert.deepEqual(this.complaints, [], 'the console of the browser is not empty');
  }
}

/** test runs body with a scene, and clears it away. */
export function test(name, body) {
  nodeTest(name, { timeout: 300_000 }, async () => {
    const scene = new Scene();
    try {
      await body(scene);
    } catch (error) {
      scene.complaints = []; // the first failure is the one to read
      throw error;
    } finally {
      await scene.end();
    }
  });
}

/** withhold keeps what matches a pattern of URLs from a page, until the function that it returns is called. */
export async function withhold(page, url) {
  let give;
  const given = new Promise(resolve => { give = resolve; });
  await page.route(url, async route => {
    await given;
    await route.continue();
  });
  return give;
}

/** until waits for a condition that no locator can express. */
export async function until(what, condition) {
  const deadline = Date.now() + patience;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`gave up waiting: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 25));
  }
}
