import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { requireTool } from '@tfsci/tooling';
import { buildPage, launchChromium, serve, type Site } from '@tfsci/tooling/browser';
import { type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

const executablePath = requireTool('chromium');
const pageFolder = fileURLToPath(new URL('./train/page', import.meta.url));

describe.skipIf(executablePath === undefined)('training in Chromium (needs chromium)', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tfsci-train-'));
  let site: Site;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    // Vite builds for what NODE_ENV says.
    vi.stubEnv('NODE_ENV', 'production');
    const bundle = await buildPage(pageFolder, folder);
    vi.unstubAllEnvs();
    expect(bundle.importersOfBuiltins.filter((importer) => !importer.includes('node_modules'))).toEqual([]);
    site = await serve({ '/': folder });
    browser = await launchChromium(executablePath!);
    page = await browser.newPage();
    await open();
  });

  afterAll(async () => {
    await browser?.close();
    await site?.close();
    rmSync(folder, { recursive: true });
  });

  async function open(): Promise<void> {
    await page.goto(site.url);
    await page.waitForFunction('globalThis.page !== undefined');
  }

  it('goes on after the page was left, from IndexedDB, to the same weights', async () => {
    const whole = await page.evaluate<{ status: string }>(`page.train('whole')`);
    expect(whole).toMatchObject({ status: 'finished', steps: 20 });
    expect(await page.evaluate(`page.train('parts', 6)`)).toMatchObject({ status: 'aborted', steps: 7 });
    await open();
    expect(await page.evaluate(`page.lastStep('parts')`)).toBe(7);
    expect(await page.evaluate(`page.train('parts')`)).toEqual(whole);
    expect(await page.evaluate(`page.lastStep('other')`)).toBeNull();
  });

  it('keeps bytes under names in IndexedDB', async () => {
    const outcome = await page.evaluate(`(async () => {
      const store = page.store('bytes');
      const before = [await store.list(), await store.load('best')];
      await store.save('best', Uint8Array.of(1, 2));
      await store.save('step-1', new Uint8Array(3e6).fill(7));
      await store.save('best', Uint8Array.of(3));
      const large = await store.load('step-1');
      await store.remove('step-1');
      await store.remove('step-1');
      const after = [await store.list(), [...(await store.load('best'))], await store.load('step-1')];
      return { before, large: [large.length, large.every((x) => x === 7)], after };
    })()`);
    expect(outcome).toEqual({ before: [[], null], large: [3e6, true], after: [['best'], [3], null] });
  });

  it('says what IndexedDB refuses', async () => {
    const message = await page.evaluate(`(async () => {
      await new Promise((resolve, reject) => {
        const request = indexedDB.open('newer', 2);
        request.onsuccess = () => { request.result.close(); resolve(); };
        request.onerror = reject;
      });
      const opened = await page.store('newer').list().catch((error) => error.name + ' ' + error.message);
      const { put } = IDBObjectStore.prototype;
      IDBObjectStore.prototype.put = function (...args) {
        const request = put.apply(this, args);
        this.transaction.abort();
        return request;
      };
      const saved = await page.store('full').save('best', new Uint8Array(1)).catch((error) => error.message);
      IDBObjectStore.prototype.put = put;
      return [opened, saved];
    })()`);
    expect(message).toEqual([
      expect.stringMatching(
        /^BackendError tensor-core\.indexedDbStore: IndexedDB must open the database newer, got the error: /,
      ),
      'tensor-core.indexedDbStore: IndexedDB must write the database full, got the error: no reason given',
    ]);
  });
});
