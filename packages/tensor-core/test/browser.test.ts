import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { requireTool } from '@tfsci/tooling';
import { buildPage, launchChromium, serve, type Bundle, type Site } from '@tfsci/tooling/browser';
import { type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { io, random, useBackend } from '../src';
import { developPage, pageFolder, wasmFolder } from './browser/site';

// Sums of up to some hundred float32 products in another order; the values are below 100.
const FLOAT32_SUMS = { rtol: 1e-4, atol: 1e-4 };

/** What test/browser/exercise.js gives. */
interface Results {
  losses: number[];
  sums: number[];
  gradients: { gather: number[]; depthwise: number[][]; einsum: number[] };
  draws: number[];
  epsilon: number;
  left: number;
}
/** What the page gives of an image. */
interface Decoded extends Record<'width' | 'height' | 'channels', number> {
  data: number[];
  error?: string;
}
type Exercise = (tfjs: typeof tf, draws: typeof random) => Promise<Results>;

const executablePath = requireTool('chromium');

describe.skipIf(executablePath === undefined)('tensor-core in Chromium (needs chromium)', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tfsci-browser-'));
  const outDir = path.join(folder, 'site');
  let bundle: Bundle;
  let site: Site;
  let browser: Browser;
  let expected: Results;
  let context: BrowserContext | undefined;
  let requests: string[] = [];
  let messages: string[] = [];

  beforeAll(async () => {
    // Vite builds for what NODE_ENV says.
    vi.stubEnv('NODE_ENV', 'production');
    bundle = await buildPage(pageFolder, outDir);
    vi.unstubAllEnvs();
    site = await serve({ '/own/': wasmFolder, '/': outDir });
    browser = await launchChromium(executablePath!);
    await useBackend('cpu');
    const { exercise } = (await import(new URL('./browser/exercise.js', import.meta.url).href)) as {
      exercise: Exercise;
    };
    expected = await exercise(tf, random);
  });

  afterEach(async () => {
    await context?.close();
    context = undefined;
  });

  afterAll(async () => {
    await browser?.close();
    await site?.close();
    rmSync(folder, { recursive: true });
  });

  /** Opens the page in a fresh profile, noting what it requests and prints. */
  async function open(options: { url?: string; before?: string } = {}): Promise<Page> {
    context = await browser.newContext();
    const page = await context.newPage();
    requests = [];
    messages = [];
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => messages.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => messages.push(`uncaught: ${error.message}`));
    if (options.before !== undefined) await page.addInitScript(options.before);
    await page.goto(options.url ?? site.url);
    await page.waitForFunction('globalThis.page !== undefined');
    return page;
  }

  const use = (page: Page, name: string, options: object = {}): Promise<unknown> =>
    page.evaluate(`page.use(${JSON.stringify(name)}, ${JSON.stringify(options)})`);
  const wasmRequests = (): string[] => requests.filter((url) => url.includes('.wasm'));

  it('is bundled with the wasm binaries as assets', () => {
    const assets = bundle.files.filter((file) => file.endsWith('.wasm'));
    expect(assets.map((file) => file.replace(/-[\w-]{8}\.wasm$/, '')).sort()).toEqual([
      'assets/tfjs-backend-wasm',
      'assets/tfjs-backend-wasm-simd',
      'assets/tfjs-backend-wasm-threaded-simd',
    ]);
  });

  it('brings no Node built-ins into the bundle', () => {
    // tfjs names util and crypto, and maps them to nothing for browsers in its manifest.
    expect(bundle.importersOfBuiltins).not.toEqual([]);
    const ours = bundle.importersOfBuiltins.filter((importer) => !importer.includes('node_modules'));
    expect(ours).toEqual([]);
    expect(bundle.code.join('\n')).toContain('tensor-core.useBackend');
    for (const code of bundle.code) {
      expect(code).not.toMatch(/\b(from|import|require)\s*\(?\s*["'`]node:/);
      expect(code).not.toMatch(/^import[^;]*["'`](fs|path|os|util|crypto|worker_threads|perf_hooks)["'`]/m);
    }
  });

  it('registers nothing when it is imported, as its manifest promises bundlers', async () => {
    const page = await open();
    expect(await page.evaluate('page.registered')).toEqual({
      backends: ['cpu', 'webgl'],
      wasmKernels: 0,
      einsumGradient: false,
    });
    expect(messages).toEqual([]);
  });

  it("takes webgpu for 'auto'", async () => {
    const page = await open();
    expect(await use(page, 'auto')).toEqual({
      backend: 'webgpu',
      compiles: false,
      trains: true,
      missingKernels: [],
      readsSynchronously: false,
      floatBits: 32,
    });
    expect(messages).toEqual([]);
    expect(wasmRequests()).toEqual([]);
  });

  it.each(['webgpu', 'webgl', 'wasm', 'cpu'])('trains on %s and draws the numbers of Node there', async (name) => {
    const page = await open();
    expect(await use(page, name)).toMatchObject({ backend: name, trains: true, missingKernels: [], floatBits: 32 });
    const results = await page.evaluate<Results>('page.exercise()');

    expect(results.losses).toHaveLength(5);
    for (let step = 1; step < 5; step++) expect(results.losses[step]).toBeLessThan(results.losses[step - 1]!);
    expect(results.losses).toBeAllclose(expected.losses, FLOAT32_SUMS);
    expect(results.gradients.gather).toBeAllclose(expected.gradients.gather, FLOAT32_SUMS);
    expect(results.gradients.depthwise[0]).toBeAllclose(expected.gradients.depthwise[0], FLOAT32_SUMS);
    expect(results.gradients.depthwise[1]).toBeAllclose(expected.gradients.depthwise[1], FLOAT32_SUMS);
    expect(results.gradients.einsum).toBeAllclose(expected.gradients.einsum, FLOAT32_SUMS);
    expect(results.sums).toBeAllclose(expected.sums, FLOAT32_SUMS);
    expect(results.draws).toEqual(expected.draws);
    expect(new Set(results.draws).size).toBeGreaterThan(990);
    // Adam takes it for its epsilon: 1e-7, as every backend here computes in 32 bits.
    expect(results.epsilon).toBe(1e-7);
    expect(results.left).toBe(0);

    expect(messages.filter((message) => /^(error|uncaught)/.test(message))).toEqual([]);
    for (const url of requests) expect(new URL(url).hostname, url).toBe('127.0.0.1');
    const assets = readdirSync(path.join(outDir, 'assets')).map((file) => `${site.url}assets/${file}`);
    if (name === 'wasm') expect(wasmRequests()).toHaveLength(1);
    for (const url of wasmRequests()) expect(assets).toContain(url);
  });

  it.each([
    ['has no WebGPU', 'delete Navigator.prototype.gpu', []],
    [
      'has WebGPU but no adapter',
      'GPU.prototype.requestAdapter = () => Promise.resolve(null)',
      [expect.stringMatching(/^warning: tensor-core\.useBackend: backend "webgpu" .*\n.*: took webgl instead\.$/)],
    ],
  ])("takes webgl for 'auto' in a browser that %s", async (_, before, warnings) => {
    const page = await open({ before });
    expect(await use(page, 'auto')).toMatchObject({ backend: 'webgl', trains: true });
    expect(messages).toEqual(warnings);
    expect(await use(page, 'webgpu')).toMatchObject({
      error: expect.stringContaining('"webgpu"') as string,
      active: 'webgl',
    });
  });

  it('loads the wasm binaries from the folder or the files that it is told', async () => {
    let page = await open();
    expect(await use(page, 'wasm', { wasmPaths: '/own' })).toMatchObject({ backend: 'wasm' });
    expect(wasmRequests().map((url) => path.dirname(url))).toEqual([`${site.url}own`]);

    const names = readdirSync(wasmFolder).filter((file) => file.endsWith('.wasm'));
    const wasmPaths = Object.fromEntries(names.map((file) => [file, `/own/${file}?mapped`]));
    await context!.close();
    page = await open();
    expect(await use(page, 'wasm', { wasmPaths })).toMatchObject({ backend: 'wasm' });
    expect(wasmRequests()).toHaveLength(1);
    expect(wasmRequests()[0]).toMatch(/\/own\/[\w-]+\.wasm\?mapped$/);
  });

  it('keeps the active backend when the binaries cannot be loaded, and starts once they can', async () => {
    const page = await open();
    await use(page, 'cpu');
    await page.route('**/*.wasm', (route) => route.abort());
    expect(await use(page, 'wasm')).toEqual({
      error: expect.stringMatching(/^tensor-core\.useBackend: backend "wasm" .*options\.wasmPaths\.$/) as string,
      active: 'cpu',
    });
    expect((await page.evaluate<Results>('page.exercise()')).losses).toBeAllclose(expected.losses, FLOAT32_SUMS);
    await page.unroute('**/*.wasm');
    expect(await use(page, 'wasm')).toMatchObject({ backend: 'wasm' });
    expect((await page.evaluate<Results>('page.exercise()')).losses).toBeAllclose(expected.losses, FLOAT32_SUMS);
  });

  describe('io.decodeImage', () => {
    const golden = (name: string): Uint8Array => readFileSync(new URL(`golden/image/${name}`, import.meta.url));
    const { tensors } = io.readSafetensors(golden('expected.safetensors'));
    const decode = (page: Page, bytes: Uint8Array, options: object = {}): Promise<Decoded> =>
      page.evaluate(`page.decode([${bytes.join()}], ${JSON.stringify(options)})`);

    it('gives the pixels as stored, without colour management', async () => {
      const page = await open();
      // Decoders of JPEG may round otherwise.
      for (const [name, tolerance] of [
        ['rgb8.png', 0],
        ['palette.png', 0],
        ['profile.png', 0],
        ['rgb.jpg', 2],
        ['turned.jpg', 2],
      ] as const) {
        const { width, height, channels, data } = await decode(page, golden(name));
        expect([height, width, channels], name).toEqual(tensors[name]!.shape);
        expect(data, name).toBeAllclose(Array.from(tensors[name]!.data, Number), { rtol: 0, atol: tolerance });
      }
      const turned = await decode(page, golden('turned.jpg'), { orient: true });
      expect([turned.width, turned.height]).toEqual([...tensors['turned.jpg']!.shape].slice(0, 2));
    });

    it('refuses what is cut or too large', async () => {
      const page = await open();
      const png = golden('rgb8.png');
      expect((await decode(page, png.subarray(0, png.length - 9))).error).toMatch(
        /^FormatError: tensor-core.decodeImage/,
      );
      expect((await decode(page, png, { maxPixels: 3 })).error).toMatch(/^FormatError: .*at most 3 pixels/);
      expect((await decode(page, golden('grey8.tif'))).error).toMatch(/^FormatError: .*got TIFF/);
    });
  });

  it("finds the wasm binaries in Vite's development server, which bundles packages ahead", async () => {
    const development = await developPage(path.join(folder, 'project'));
    try {
      const page = await open({ url: development.url });
      expect(await use(page, 'wasm')).toMatchObject({ backend: 'wasm', trains: true });
      const [file] = wasmRequests();
      expect(file).toMatch(/\/node_modules\/@tensorflow\/tfjs-backend-wasm\/dist\/tfjs-backend-wasm[\w-]*\.wasm$/);
      expect(requests.some((url) => url.includes('/.vite/deps/@tfsci_tensor-core.js'))).toBe(true);
      await context!.close();
    } finally {
      await development.close();
    }
  });
});
