import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { requireTool } from '@tfsci/tooling';
import { buildPage, launchChromium, serve, type Site } from '@tfsci/tooling/browser';
import { type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as maps from '../src';

/** Products of three sums of at most ten float32 numbers, squared for the gradient, in another order on each device. */
const FLOAT32 = { rtol: 1e-3, atol: 2e-4 };

interface Results {
  active: string;
  results: Record<string, Record<'phi' | 'gradient' | 'rows', number[]>>;
  left: number;
}

const chromium = requireTool('chromium');

describe.skipIf(chromium === undefined)('the feature maps in Chromium (needs chromium)', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tfsci-ctr-features-'));
  let site: Site;
  let browser: Browser;
  let expected: Results;

  beforeAll(async () => {
    // Vite builds for what NODE_ENV says.
    vi.stubEnv('NODE_ENV', 'production');
    await buildPage(fileURLToPath(new URL('browser/', import.meta.url)), folder);
    vi.unstubAllEnvs();
    site = await serve({ '/': folder });
    browser = await launchChromium(chromium!);
    const { exercise } = (await import(new URL('browser/exercise.js', import.meta.url).href)) as {
      exercise: (...modules: [typeof tf, typeof random, typeof maps]) => Promise<Results>;
    };
    await useBackend('cpu');
    expected = await exercise(tf, random, maps);
  });

  afterAll(async () => {
    await browser?.close();
    await site?.close();
    rmSync(folder, { recursive: true });
  });

  it.each(['webgpu', 'webgl', 'wasm'])(
    'give the features and gradients of Node on %s, and leave nothing',
    async (name) => {
      const page = await browser.newPage();
      await page.goto(site.url);
      await page.waitForFunction('globalThis.run !== undefined');
      const { active, results, left } = await page.evaluate<Results>(`run(${JSON.stringify(name)})`);
      await page.close();
      expect(active).toBe(name);
      expect(left).toBe(0);
      expect(Object.keys(results)).toEqual(Object.keys(expected.results));
      for (const [map, values] of Object.entries(expected.results)) {
        for (const what of ['phi', 'gradient', 'rows'] as const) {
          expect(results[map]![what], `${map}: ${what}`).toBeAllclose(values[what], FLOAT32);
        }
      }
    },
  );
});
