import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildPage, launchChromium, serve, type Site } from './browser';
import { requireTool } from './tools';

/** What the page says of a run, beside its results. */
interface PageRun {
  /** The backend that was active. */
  active: string;
  /** Tensors left behind. */
  left: number;
}

/** Options of `browserBattery`. */
export interface BrowserBatteryOptions<Results> {
  /** Of a page whose script sets `globalThis.run`, a function of a backend's name that gives the results. */
  folder: URL;
  /** The claim, after "in Chromium on <backend>:". */
  claim: string;
  /** The same results in Node. */
  inNode: () => Promise<Results>;
  /** Holds the results of the page against those of Node. */
  compare: (results: Results, expected: Results) => void;
  /** Default webgpu, webgl and wasm. */
  backends?: readonly string[];
}

/** Tests that a package does in a browser, built as for production, what it does in Node, and leaves no tensors. */
export function browserBattery<Results>({
  folder,
  claim,
  inNode,
  compare,
  backends = ['webgpu', 'webgl', 'wasm'],
}: BrowserBatteryOptions<Results>): void {
  const chromium = requireTool('chromium');
  describe.skipIf(chromium === undefined)('in Chromium (needs chromium)', () => {
    const outDir = mkdtempSync(path.join(tmpdir(), 'tfsci-browser-'));
    let site: Site;
    let browser: Browser;
    let expected: Results;

    beforeAll(async () => {
      // Vite builds for what NODE_ENV says.
      vi.stubEnv('NODE_ENV', 'production');
      await buildPage(fileURLToPath(folder), outDir);
      vi.unstubAllEnvs();
      site = await serve({ '/': outDir });
      browser = await launchChromium(chromium!);
      expected = await inNode();
    });

    afterAll(async () => {
      await browser?.close();
      await site?.close();
      rmSync(outDir, { recursive: true });
    });

    it.each(backends)(`on %s: ${claim}, leaving nothing`, async (name) => {
      const page = await browser.newPage();
      await page.goto(site.url);
      await page.waitForFunction('globalThis.run !== undefined');
      const results = await page.evaluate<Results & PageRun>(`run(${JSON.stringify(name)})`);
      await page.close();
      expect(results.active).toBe(name);
      expect(results.left).toBe(0);
      compare(results, expected);
    });
  });
}
