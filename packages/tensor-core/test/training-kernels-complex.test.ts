import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fftInPlace } from '../src/backend/kernels/host-fft';
import { registerTrainingKernels } from '../src/backend/training-kernels';
import { numbers, values } from './values';

// float64 transforms of up to some thousand numbers below 1 against the direct sum, whose own rounding counts.
const FLOAT64_TRANSFORM = { rtol: 1e-11, atol: 1e-10 };
// The float64 result rounded to float32, and the cpu backend's float32 recursion.
const FLOAT32_TRANSFORM = { rtol: 1e-5, atol: 2e-5 };

const complexValues = (shape: number[], seed = 1) => tf.complex(values(shape, seed), values(shape, seed + 1));

/** Values and shapes of a result that may be complex or a list. */
function record(result: tf.Tensor | tf.Tensor[]): { dtype: string; shape: number[]; data: number[] }[] {
  return [result].flat().map((x) => ({ dtype: x.dtype, shape: x.shape, data: Array.from(x.dataSync()) }));
}

async function onCpu(make: () => tf.Tensor | tf.Tensor[]) {
  await tf.setBackend('cpu');
  const result = record(tf.tidy(make));
  await tf.setBackend('wasm');
  return result;
}

beforeAll(async () => {
  await tf.setBackend('wasm');
  await tf.ready();
  registerTrainingKernels();
});
beforeEach(() => tf.setBackend('wasm'));

/** The transform from its definition. */
function directTransform(re: Float64Array, im: Float64Array, inverse: boolean) {
  const n = re.length;
  const sign = inverse ? 1 : -1;
  const out = { re: new Float64Array(n), im: new Float64Array(n) };
  for (let k = 0; k < n; k++) {
    for (let j = 0; j < n; j++) {
      const angle = (sign * 2 * Math.PI * ((j * k) % n)) / n;
      out.re[k]! += re[j]! * Math.cos(angle) - im[j]! * Math.sin(angle);
      out.im[k]! += re[j]! * Math.sin(angle) + im[j]! * Math.cos(angle);
    }
    if (inverse) {
      out.re[k]! /= n;
      out.im[k]! /= n;
    }
  }
  return out;
}

describe('fftInPlace', () => {
  const lengths = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 17, 31, 64, 97, 100, 128, 243, 255, 256, 257, 1000];

  it.each(lengths)('equals the direct sum of length %i, both ways', (n) => {
    for (const inverse of [false, true]) {
      const [re, im] = [numbers(n, 1), numbers(n, 2)];
      const expected = directTransform(re, im, inverse);
      fftInPlace(re, im, inverse);
      expect(re).toBeAllclose(expected.re, FLOAT64_TRANSFORM);
      expect(im).toBeAllclose(expected.im, FLOAT64_TRANSFORM);
    }
  });

  it.each([8192, 10_007])('is inverted by its inverse at length %i', (n) => {
    const [re, im] = [numbers(n, 3), numbers(n, 4)];
    fftInPlace(re, im);
    fftInPlace(re, im, true);
    expect(re).toBeAllclose(numbers(n, 3), FLOAT64_TRANSFORM);
    expect(im).toBeAllclose(numbers(n, 4), FLOAT64_TRANSFORM);
  });

  it('keeps the energy: sum |X|^2 = N sum |x|^2', () => {
    const [re, im] = [numbers(300, 5), numbers(300, 6)];
    const energy = () => re.reduce((sum, x, i) => sum + x * x + im[i]! * im[i]!, 0);
    const before = energy();
    fftInPlace(re, im);
    expect(energy()).toBeAllclose(300 * before, { rtol: 1e-12 });
  });

  it('stays right when more lengths are in use than plans are kept', () => {
    for (let round = 0; round < 2; round++) {
      for (let n = 2; n < 40; n++) {
        const [re, im] = [numbers(n, 1), numbers(n, 2)];
        const expected = directTransform(re, im, false);
        fftInPlace(re, im);
        expect(re).toBeAllclose(expected.re, FLOAT64_TRANSFORM);
      }
    }
  });

  it('takes the empty sequence and refuses different lengths', () => {
    fftInPlace(new Float64Array(0), new Float64Array(0));
    expect(() => fftInPlace(new Float64Array(4), new Float64Array(3))).toThrow(
      'tensor-core.fftInPlace: im must have as many elements as re (4), got 3.',
    );
  });
});

describe('tf.complex on wasm', () => {
  it('interleaves, and reads by dataSync, data and array as on cpu', async () => {
    const z = tf.complex(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5, 6], [7, 8]])); // prettier-ignore
    expect([...z.dataSync()]).toEqual([1, 5, 2, 6, 3, 7, 4, 8]);
    expect([...(await z.data())]).toEqual([1, 5, 2, 6, 3, 7, 4, 8]);
    expect(tf.real(z)).toBeAllclose([[1, 2], [3, 4]]); // prettier-ignore
    expect(tf.imag(z)).toBeAllclose([[5, 6], [7, 8]]); // prettier-ignore
    const nested = z.arraySync();
    await tf.setBackend('cpu');
    const there = tf.complex(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5, 6], [7, 8]])); // prettier-ignore
    expect(nested).toEqual(there.arraySync());
  });

  it('takes integer parts, empty tensors and scalars', () => {
    const z = tf.complex(tf.tensor1d([1, 2], 'int32'), tf.tensor1d([1, 0], 'bool'));
    expect([...z.dataSync()]).toEqual([1, 1, 2, 0]);
    expect([...tf.complex(tf.zeros([0, 3]), tf.zeros([0, 3])).dataSync()]).toEqual([]);
    expect([...tf.complex(2, 3).dataSync()]).toEqual([2, 3]);
  });

  it('comes over from the cpu backend', async () => {
    await tf.setBackend('cpu');
    const z = tf.complex(tf.tensor1d([1, 2]), tf.tensor1d([3, 4]));
    await tf.setBackend('wasm');
    expect([...tf.mul(z, z).dataSync()]).toEqual([-8, 6, -12, 16]);
  });

  it('does not overflow in the absolute value', () => {
    expect(tf.abs(tf.complex([3e30], [4e30]))).toBeAllclose([5e30]);
  });

  it('refuses real input for tf.real and tf.imag', () => {
    expect(() => tf.real(tf.tensor1d([1]))).toThrow(
      'tensor-core.registerTrainingKernels (Real): input must be complex64, got a float32 tensor of shape [1]. ' +
        'Make one with tf.complex.',
    );
    expect(() => tf.imag(tf.tensor1d([1]))).toThrow(/\(Imag\): input must be complex64/);
  });
});

type Operation = () => tf.Tensor | tf.Tensor[];
const z = () => complexValues([3, 4]);
const w = () => complexValues([3, 4], 5);
const bools = () => tf.tensor2d([1, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0], [3, 4], 'bool');

/** What the cpu backend can do with complex64 too. */
const LIKE_CPU: Record<string, Operation> = {
  add: () => tf.add(z(), w()),
  sub: () => tf.sub(z(), w()),
  mul: () => tf.mul(z(), w()),
  concat: () => tf.concat([z(), w()], 1),
  stack: () => tf.stack([z(), w()], 1),
  reshape: () => z().reshape([2, 6]),
  expandDims: () => tf.expandDims(z(), 1),
  clone: () => z().clone(),
  transpose: () => tf.transpose(z()),
  'cast to float32': () => tf.cast(z(), 'float32'),
  'cast to int32': () => tf.cast(tf.complex(values([3, 4]).mul(10), values([3, 4], 2)), 'int32'),
  'cast from float32': () => tf.cast(values([2, 2]), 'complex64'),
  'cast from bool': () => tf.cast(bools(), 'complex64'),
  zeros: () => tf.zeros([2], 'complex64'),
  ones: () => tf.ones([2], 'complex64'),
  zerosLike: () => tf.zerosLike(z()),
  onesLike: () => tf.onesLike(z()),
  abs: () => tf.abs(z()),
  variable: () => tf.mul(tf.variable(z()), w()),
  'spectral.fft': () => tf.spectral.fft(complexValues([2, 3, 8])),
  'spectral.fft of length 6': () => tf.spectral.fft(complexValues([2, 6])),
  'spectral.ifft': () => tf.spectral.ifft(complexValues([2, 3, 8])),
  'spectral.ifft of length 6': () => tf.spectral.ifft(complexValues([6])),
  'spectral.rfft': () => tf.spectral.rfft(values([2, 3, 8])),
  'spectral.rfft, cropped': () => tf.spectral.rfft(values([2, 8]), 5),
  'spectral.rfft, padded': () => tf.spectral.rfft(values([2, 8]), 12),
  'spectral.irfft': () => tf.spectral.irfft(complexValues([2, 5])),
  'spectral.irfft of rank 3': () => tf.spectral.irfft(complexValues([2, 3, 5])),
  'spectral.irfft of length 2': () => tf.spectral.irfft(complexValues([2, 2])),
  'signal.stft': () => tf.signal.stft(values([32]) as tf.Tensor1D, 8, 4),
};

describe('complex64 operations on wasm', () => {
  it.each(Object.entries(LIKE_CPU))('%s equals the cpu backend', async (_, operation) => {
    const expected = await onCpu(operation);
    const actual = record(tf.tidy(operation));
    expect(actual.map(({ dtype, shape }) => [dtype, shape])).toEqual(
      expected.map(({ dtype, shape }) => [dtype, shape]),
    );
    actual.forEach(({ data }, i) => expect(data).toBeAllclose(expected[i]!.data, FLOAT32_TRANSFORM));
  });

  /** What the cpu backend refuses (or, broadcasting, gets wrong), as an operation on either part. */
  const partwise: Record<string, [apply: (x: tf.Tensor, y: tf.Tensor) => tf.Tensor | tf.Tensor[]]> = {
    'add, broadcasting': [(x, y) => tf.add(x, y.slice([0, 0], [1, 4]))],
    slice: [(x) => tf.slice(x, [1, 1], [2, 2])],
    stridedSlice: [(x) => tf.stridedSlice(x, [0, 0], [3, 4], [2, 2])],
    split: [(x) => tf.split(x, 2, 1)],
    unstack: [(x) => tf.unstack(x, 1)],
    pad: [(x) => tf.pad(x, [[1, 0], [0, 2]])], // prettier-ignore
    gather: [(x) => tf.gather(x, tf.tensor1d([2, 0, 2], 'int32'))],
    gatherND: [(x) => tf.gatherND(x, tf.tensor2d([2, 0, 1, 3], [2, 2], 'int32'))],
    reverse: [(x) => tf.reverse(x, 1)],
    tile: [(x) => tf.tile(x, [2, 1])],
    broadcastTo: [(x) => tf.broadcastTo(x, [2, 3, 4])],
    where: [(x, y) => tf.where(bools(), x, y)],
    sum: [(x) => tf.sum(x, 1)],
    neg: [(x) => tf.neg(x)],
    addN: [(x, y) => tf.addN([x, y, x])],
  };

  it.each(Object.entries(partwise))('%s acts on real and imaginary parts apart', (_, [apply]) => {
    const [x, y] = [z(), w()];
    const results = [apply(x, y)].flat();
    for (const [part, of] of [
      ['re', tf.real],
      ['im', tf.imag],
    ] as const) {
      // prettier-ignore
      const expected = [apply(of(x), of(y))].flat();
      expect(results.length, part).toBe(expected.length);
      results.forEach((result, i) => expect(of(result)).toBeAllclose(expected[i]));
    }
  });

  it('pads with a real constant', () => {
    expect([...tf.pad(tf.complex([1], [2]), [[0, 1]], 7).dataSync()]).toEqual([1, 2, 7, 0]); // prettier-ignore
  });

  it('broadcasts products, also with a real number (NaN on cpu)', () => {
    const pair = tf.complex([1, 2], [3, 4]);
    expect([...tf.mul(pair, tf.complex(0, 1)).dataSync()]).toEqual([-3, 1, -4, 2]);
    expect([...tf.mul(tf.scalar(2), pair).dataSync()]).toEqual([2, 6, 4, 8]);
  });

  const refused: Record<string, () => unknown> = {
    RealDiv: () => tf.div(z(), w()),
    Mean: () => tf.mean(z()),
    BatchMatMul: () => tf.matMul(z(), tf.transpose(w())),
    Exp: () => tf.exp(z()),
    Square: () => tf.square(z()),
    Max: () => tf.max(z()),
    Equal: () => tf.equal(z(), w()),
    Relu: () => tf.relu(z()),
    Einsum: () => tf.einsum('ij->j', z()),
    UnsortedSegmentSum: () => tf.unsortedSegmentSum(z(), tf.tensor1d([0, 1, 1], 'int32'), 2),
    Fill: () => tf.fill([2], 1, 'complex64'),
  };
  it.each(Object.entries(refused))('%s is an error, never a silent number', (kernel, operation) => {
    expect(() => tf.tidy(() => operation() as tf.Tensor)).toThrow(
      `tensor-core.registerTrainingKernels: operands of ${kernel} must not be complex64 on the wasm backend, ` +
        'got complex64. Work on tf.real and tf.imag apart.',
    );
  });

  it('refuses to mix real and complex values where tfjs has not made them equal', () => {
    expect(() => tf.where(bools(), z(), values([3, 4]))).toThrow(/\(Select\): e must be complex64, got a float32/);
  });

  it.each(
    Object.entries<Operation>({
      ...LIKE_CPU,
      slice: () => tf.slice(z(), [0, 1], [2, 2]),
      split: () => tf.split(z(), 2, 1),
    }),
  )('%s leaves no tensor and no wasm memory behind', (name, operation) => {
    if (name === 'variable') return; // a variable is kept until it is disposed
    const ids = (tf.backend() as unknown as { numDataIds(): number }).numDataIds();
    expect(() => tf.tidy(operation)).toLeakNothing();
    expect((tf.backend() as unknown as { numDataIds(): number }).numDataIds()).toBe(ids);
  });

  it('does not let the heap grow over 200 repetitions', () => {
    const heap = () => (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.byteLength;
    const big = values([64, 1000]);
    const step = () =>
      tf.tidy(() => void tf.abs(tf.mul(tf.spectral.rfft(big), tf.complex(2, 1))).slice([0, 0], [1, 1]));
    step();
    const before = heap();
    for (let i = 0; i < 200; i++) step();
    expect(heap()).toBe(before);
  });
});

describe('kernels borrowed from the cpu backend', () => {
  const operations: Record<string, Operation> = {
    raggedGather: () => {
      const splits = [tf.tensor1d([0, 2, 3], 'int32')];
      const gathered = tf.raggedGather(splits, tf.tensor1d([1.5, 2, 3]), tf.tensor1d([1, 0, 1], 'int32'), 1);
      return [...gathered.outputNestedSplits, gathered.outputDenseValues];
    },
    raggedRange: () => {
      const ranges = tf.raggedRange(tf.tensor1d([0, 5]), tf.tensor1d([3, 7]), tf.tensor1d([1, 1]));
      return Object.values(ranges);
    },
    raggedTensorToTensor: () =>
      tf.raggedTensorToTensor(
        tf.tensor1d([2, 3], 'int32'),
        tf.tensor1d([1, 2, 3]),
        tf.scalar(9),
        [tf.tensor1d([0, 2, 3], 'int32')],
        ['ROW_SPLITS'],
      ),
    staticRegexReplace: () => tf.string.staticRegexReplace(tf.tensor1d(['Hαlpha', 'beta']), 'a', 'o'),
  };

  it.each(Object.entries(operations))('%s equals the cpu backend and leaves nothing behind', async (_, operation) => {
    const expected = await onCpu(operation);
    expect(record(tf.tidy(operation))).toEqual(expected);
    expect(() => tf.tidy(operation)).toLeakNothing();
  });
});
