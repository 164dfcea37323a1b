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
import * as optimizers from '../src';

// Where the device path is the default. In 25 steps of a convex problem rounding does not grow.
const FLOAT32_STEPS = { rtol: 1e-4, atol: 1e-5 };

interface Results {
  active: string;
  losses: Record<string, (number | string | boolean)[]>;
  left: number;
}

const chromium = requireTool('chromium');

describe.skipIf(chromium === undefined)('the optimisers in Chromium (needs chromium)', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tfsci-momo-'));
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
      exercise: (...modules: [typeof tf, typeof random, typeof optimizers]) => Promise<Results>;
    };
    await useBackend('cpu');
    expected = await exercise(tf, random, optimizers);
  });

  afterAll(async () => {
    await browser?.close();
    await site?.close();
    rmSync(folder, { recursive: true });
  });

  it.each(['webgpu', 'webgl', 'wasm'])(
    'take the steps of Node on %s, refuse a NaN, and leave nothing',
    async (name) => {
      const page = await browser.newPage();
      await page.goto(site.url);
      await page.waitForFunction('globalThis.run !== undefined');
      const { active, losses, left } = await page.evaluate<Results>(`run(${JSON.stringify(name)})`);
      await page.close();
      expect(active).toBe(name);
      expect(left).toBe(0);
      for (const [optimizer, values] of Object.entries(expected.losses)) {
        expect(losses[optimizer]!.slice(-2), optimizer).toEqual(['NonFiniteError', true]);
        expect(losses[optimizer]!.slice(0, -2), optimizer).toBeAllclose(values.slice(0, -2), FLOAT32_STEPS);
      }
    },
  );
});
