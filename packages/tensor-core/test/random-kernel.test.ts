import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import * as fill from '../src/random/fill';
import { normalQuantile } from '../src/random/inverse-normal';
import { key, type Key } from '../src/random/key';
import { KeySlot } from '../src/random/live-key';
import { threefryBlocks } from '../src/random/threefry';
import { type DrawKernel, drawKernel } from '../src/random/wasm/draw-kernel';
import { DRAWS_WASM } from '../src/random/wasm/draws-wasm';
import { centred32, centred53 } from '../src/random/words';

type AnyArray = Float32Array | Float64Array | Int32Array | Uint8Array;
type Words = [number, number];
/** One draw: its key's words, its length, its first index. */
type Draw = (words: Words, n: number, offset: number) => AnyArray;

/** A chunk of the kernel, which has fixed places for so many elements. */
const CHUNK = 1024;
/** Fewer elements than this are drawn without the kernel. */
const FEW = 16;

const FLOATS = { float32: Float32Array, float64: Float64Array };
/** Bounds with few numbers between: 0.7 lies above the nearest float32, and many draws round to the upper bound, which is out. */
const NARROW = {
  float32: { low: 0.7, high: Math.fround(0.7) + 10 * 2 ** -24 },
  float64: { low: 1, high: 1 + 3 * 2 ** -52 },
};

/** The sources of random, loaded afresh, as they are where WebAssembly is or is not at hand. */
async function load(): Promise<{ draws: Record<string, Draw>; kernel: DrawKernel | null }> {
  vi.resetModules();
  const { fillBernoulli, fillExponential, fillNormal, fillUniform } = await import('../src/random/fill');
  const { fillIntegers } = await import('../src/random/rejection');
  const { permutation } = await import('../src/random/permutation');
  const { Key: FreshKey } = await import('../src/random/key');
  const { drawKernel: freshKernel } = await import('../src/random/wasm/draw-kernel');
  const keyOf = ([a, b]: Words): Key => FreshKey.ofWords(a, b);
  const draws: Record<string, Draw> = {};
  for (const kind of ['float32', 'float64'] as const) {
    const Floats = FLOATS[kind];
    draws[`normal ${kind}`] = (words, n, offset) => fillNormal(keyOf(words), new Floats(n), { offset });
    draws[`normal ${kind}, mean -1e3, std 0.7`] = (words, n, offset) =>
      fillNormal(keyOf(words), new Floats(n), { mean: -1e3, std: 0.7, offset });
    draws[`uniform ${kind}`] = (words, n, offset) => fillUniform(keyOf(words), new Floats(n), { offset });
    draws[`uniform ${kind}, narrow`] = (words, n, offset) =>
      fillUniform(keyOf(words), new Floats(n), { ...NARROW[kind], offset });
    draws[`exponential ${kind}`] = (words, n, offset) => fillExponential(keyOf(words), new Floats(n), { offset });
  }
  draws['bernoulli'] = (words, n, offset) => fillBernoulli(keyOf(words), new Uint8Array(n), { p: 0.3, offset });
  draws['integers, every second word rejected'] = (words, n, offset) =>
    fillIntegers(keyOf(words), new Int32Array(n), { low: -(2 ** 30), high: 2 ** 30 + 1, offset });
  draws['permutation'] = (words, n) => permutation(keyOf(words), n);
  return { draws, kernel: freshKernel() };
}

let byKernel: Record<string, Draw>;
let byJavaScript: Record<string, Draw>;

beforeAll(async () => {
  const withKernel = await load();
  vi.stubGlobal('WebAssembly', undefined);
  const without = await load();
  vi.unstubAllGlobals();
  expect(withKernel.kernel).not.toBeNull();
  expect(without.kernel).toBeNull();
  [byKernel, byJavaScript] = [withKernel.draws, without.draws];
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const bits = ({ buffer, byteOffset, byteLength }: AnyArray): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

function expectSame(name: string, ...draw: Parameters<Draw>): void {
  const [ours, expected] = [byKernel[name]!(...draw), byJavaScript[name]!(...draw)];
  if (bits(ours).equals(bits(expected))) return;
  expect(ours, `${name} of ${JSON.stringify(draw)}`).toEqual(expected);
  expect.fail(`${name} of ${JSON.stringify(draw)} differs in the sign of a zero`);
}

const NAMES = [
  ...Object.keys(FLOATS).flatMap((kind) => [
    `normal ${kind}`,
    `normal ${kind}, mean -1e3, std 0.7`,
    `uniform ${kind}`,
    `uniform ${kind}, narrow`,
    `exponential ${kind}`,
  ]),
  'bernoulli',
  'integers, every second word rejected',
  'permutation',
];

describe('draws by the kernel', () => {
  it.each(NAMES)('%s: are those of JavaScript, bit for bit, at every edge', (name) => {
    const keys: Words[] = [
      [0, 0],
      [0xffffffff, 0xffffffff],
      [0x80000000, 0x7fffffff],
      [1, 0xfedcba98],
    ];
    const around = (n: number): number[] => [n - 1, n, n + 1];
    const lengths = [0, 1, ...around(FEW), 20, 21, 22, 23, ...around(CHUNK), ...around(2 * CHUNK), 5000];
    for (const words of keys) {
      for (const n of lengths) for (const offset of [0, 1, 2 ** 32 - n]) expectSame(name, words, n, offset);
    }
  });

  it.each(NAMES)('%s: are those of JavaScript for any key, length and offset', (name) => {
    const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    const length = fc.integer({ min: 0, max: 3000 });
    const offset = fc.oneof(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 0, max: 2 ** 32 - 3000 }));
    fc.assert(
      fc.property(word, word, length, offset, (a, b, n, first) => expectSame(name, [a, b], n, first)),
      { numRuns: 30, seed: 1 },
    );
  });

  it.each(Object.keys(FLOATS))('%s: have the mean and the deviation, low and high', (kind) => {
    const Floats = FLOATS[kind as keyof typeof FLOATS];
    const n = 100;
    const [z, u] = [new Float64Array(n), new Float64Array(n)];
    const k = key(9);
    const wordsOf = new Uint32Array(2 * n);
    threefryBlocks(k.word0, k.word1, 0, wordsOf, n);
    for (let j = 0; j < n; j++) {
      const [upper, lower] = [wordsOf[2 * j]!, wordsOf[2 * j + 1]!];
      z[j] = normalQuantile(kind === 'float32' ? centred32(wordsOf[j]!) : centred53(upper, lower));
      u[j] = kind === 'float32' ? (wordsOf[j]! >>> 8) / 2 ** 24 : (upper * 2 ** 21 + (lower >>> 11)) / 2 ** 53;
    }
    for (const [mean, std] of [
      [0, 1],
      [3, 0],
      [-0.1, 1e-30],
      [1e30, 1e29],
    ] as const) {
      expect(fill.fillNormal(k, new Floats(n), { mean, std })).toEqual(new Floats(z.map((x) => mean + std * x)));
      // No draw of these bounds rounds to the upper one.
      const bounds = { low: mean - 7, high: mean + 1e4 + 9 * std };
      const expected = new Floats(u.map((x) => bounds.low + (bounds.high - bounds.low) * x));
      expect(fill.fillUniform(k, new Floats(n), bounds)).toEqual(expected);
    }
  });

  it('write their elements alone', () => {
    for (const Floats of Object.values(FLOATS)) {
      for (const draw of [fill.fillNormal, fill.fillUniform]) {
        const whole = new Floats(1200).fill(7);
        draw(key(1), whole.subarray(50, 1150));
        const drawn = draw(key(1), new Floats(1100));
        expect(whole).toEqual(new Floats(Array.from({ length: 1200 }, (_, i) => drawn[i - 50] ?? 7)));
      }
    }
  });

  it('follow a key that stands for others', () => {
    const slot = new KeySlot();
    for (const seed of [1, 2, 2 ** 40]) {
      slot.set(key(seed));
      for (const draw of [fill.fillNormal, fill.fillUniform]) {
        expect(draw(slot.key, new Float32Array(100))).toEqual(draw(key(seed), new Float32Array(100)));
      }
    }
  });
});

describe('drawKernel', () => {
  const kernel = drawKernel()!;

  it('has the words of Threefry, across the end of the counter too', () => {
    for (const blocks of [1, 2, 3, 4, 5, 513, CHUNK + 1]) {
      const expected = new Uint32Array(2 * blocks);
      for (const counter of [0, 12345, 2 ** 32 - 2]) {
        threefryBlocks(11, 0xfedcba98, counter, expected, blocks);
        kernel.threefryBlocks(11, 0xfedcba98, counter, blocks);
        expect(kernel.words.slice(0, 2 * blocks)).toEqual(expected);
      }
    }
    // The known answer of the Random123 library (Salmon et al., 2011).
    kernel.threefryBlocks(0, 0, 0, 1);
    expect([...kernel.words.subarray(0, 2)]).toEqual([0x6b200159, 0x99ba4efe]);
  });

  /** Words on both sides of the ends of the centre, |q| = 0.425, and the outermost ones of both tails. */
  const EDGES = [322122546, 322122547, 3972844748, 3972844749].flatMap((w) => [w - 1, w, w + 1]);
  const OUTER = Array.from({ length: 40 }, (_, i) => [2 ** (i % 29) - 1, 2 ** 32 - 2 ** (i % 29)]).flat();
  const CENTRAL = [2 ** 31 - 1, 2 ** 31, 1e9, 2e9, 3e9];
  const CASES: Record<string, number[]> = {
    'the ends of the centre': EDGES,
    'the outermost numbers': OUTER,
    'a chunk of tails': Array.from({ length: CHUNK }, (_, i) => (i % 2 ? 1e5 * i : 2 ** 32 - 1 - 1e5 * i)),
    'a chunk with a tail at its end': Array.from({ length: CHUNK }, (_, i) => (i === CHUNK - 1 ? 5 : CENTRAL[i % 5]!)),
    'no tails': CENTRAL,
    'one tail': [...CENTRAL, 7],
    'three tails after 64': Array.from({ length: 70 }, (_, i) => (i > 66 ? i : CENTRAL[i % 5]!)),
  };

  it.each(Object.entries(CASES))('has the quantiles of %s', (_, words) => {
    // Words of an earlier chunk, all tails, must not matter.
    kernel.words.fill(3);
    kernel.normals({ at: 0, count: CHUNK, out: new Float64Array(CHUNK), start: 0 }, 0, 1);
    const count = words.length;
    for (const at of [0, 1]) {
      kernel.words.set(words, at);
      const ours = new Float32Array(count);
      kernel.normals({ at, count, out: ours, start: 0 }, 0, 1);
      expect(ours).toEqual(Float32Array.from(words, (word) => normalQuantile(centred32(word))));
    }
    // With zeros or ones behind them the outermost words reach p = 2^-54: beyond e^-25 another quotient holds.
    for (const lower of [0, 2 ** 32 - 1, 0x6b200159]) {
      words.forEach((word, i) => kernel.words.set([word, lower], 2 * i));
      const ours = new Float64Array(count);
      kernel.normals({ at: 0, count, out: ours, start: 0 }, 0, 1);
      expect(ours).toEqual(Float64Array.from(words, (word) => normalQuantile(centred53(word, lower))));
    }
  });

  it('has float64 quantiles on both sides of p = e^-25', () => {
    // p = (n + 1/2) 2^-53 of the upper 53 bits n; e^-25 2^53 = 125091.48.
    const lowers = [125089, 125090, 125091, 125092].map((n) => n * 2 ** 11);
    lowers.forEach((lower, i) => kernel.words.set([0, lower], 2 * i));
    const ours = new Float64Array(4);
    kernel.normals({ at: 0, count: 4, out: ours, start: 0 }, 0, 1);
    const expected = lowers.map((lower) => normalQuantile(centred53(0, lower)));
    expect([...ours]).toEqual(expected);
    expect(expected[0]).toBeLessThan(-6.6);
  });

  it('has the quantiles of a whole chunk beyond e^-25', () => {
    // n from 0 to 2^16.9, evenly in log n, in either tail.
    const n = Array.from({ length: CHUNK }, (_, i) => Math.floor(2 ** ((16.9 * i) / CHUNK)) - 1);
    const pairs = n.map((m, i): Words => (i % 2 ? [0, m * 2 ** 11] : [2 ** 32 - 1, 2 ** 32 - 1 - m * 2 ** 11]));
    kernel.words.set(pairs.flat());
    const ours = new Float64Array(CHUNK);
    kernel.normals({ at: 0, count: CHUNK, out: ours, start: 0 }, 0, 1);
    expect(ours).toEqual(Float64Array.from(pairs, ([upper, lower]) => normalQuantile(centred53(upper, lower))));
  });

  it('is compiled once, when as many elements are drawn as pay for it', async () => {
    const compile = vi.spyOn(WebAssembly, 'Module');
    vi.resetModules();
    const fresh = await import('../src/random/fill');
    const { key: freshKey } = await import('../src/random/key');
    fresh.fillNormal(freshKey(1), new Float32Array(FEW - 1));
    expect(compile).not.toHaveBeenCalled();
    for (let i = 0; i < 3; i++) fresh.fillNormal(freshKey(1), new Float32Array(FEW));
    expect(compile).toHaveBeenCalledTimes(1);
  });

  it('is left out, and asked for once, where a policy forbids it', async () => {
    const expected = fill.fillNormal(key(1), new Float32Array(100));
    const compile = vi.spyOn(WebAssembly, 'Module').mockImplementation(function () {
      throw new WebAssembly.CompileError('not allowed');
    });
    vi.resetModules();
    const fresh = await import('../src/random/fill');
    const { key: freshKey } = await import('../src/random/key');
    for (let i = 0; i < 2; i++) expect(fresh.fillNormal(freshKey(1), new Float32Array(100))).toEqual(expected);
    expect(compile).toHaveBeenCalledTimes(1);
  });

  it('is small enough for browsers that compile no more than 4 kB at once on a page', () => {
    expect(atob(DRAWS_WASM).length).toBeLessThanOrEqual(4096);
  });

  it('is what wasm/draws.ts compiles to', () => {
    const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
    const compiled = execFileSync(process.execPath, [fileOf('../wasm/build.mjs')], { encoding: 'utf8' });
    const built = readFileSync(fileOf('../src/random/wasm/draws-wasm.ts'), 'utf8');
    expect(compiled).toBe(built.replaceAll('\r\n', '\n'));
  });
});
