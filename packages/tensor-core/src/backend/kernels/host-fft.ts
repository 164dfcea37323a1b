/** Twiddle factors and bit reversal for one power of two. */
interface RadixPlan {
  cos: Float64Array;
  sin: Float64Array;
  reversed: Uint32Array;
}

/** Bluestein's chirp e^{-i pi k^2 / n} and the transform of its conjugate, for one length n. */
interface ChirpPlan {
  size: number;
  cos: Float64Array;
  sin: Float64Array;
  filterRe: Float64Array;
  filterIm: Float64Array;
}

// Plans of the lengths used last; a program uses a few lengths again and again.
const MAX_PLANS = 16;
const radixPlans = new Map<number, RadixPlan>();
const chirpPlans = new Map<number, ChirpPlan>();

/**
 * The discrete Fourier transform of one complex sequence, in place, in float64 on the host.
 *
 *   X_k = sum_n x_n e^{-2 pi i k n / N};   inverse: x_n = 1/N sum_k X_k e^{+2 pi i k n / N}
 *
 * Any length in O(N log N): radix 2 for powers of two, Bluestein's chirp transform for the others.
 *
 * @param re       real parts [N], overwritten
 * @param im       imaginary parts [N], overwritten
 * @param inverse  default false
 * @throws RangeError when the lengths differ
 * @see Bluestein, 1970, A linear filtering approach to the computation of discrete Fourier transform
 */
export function fftInPlace(re: Float64Array, im: Float64Array, inverse = false): void {
  const n = re.length;
  if (im.length !== n) {
    throw new RangeError(`tensor-core.fftInPlace: im must have as many elements as re (${n}), got ${im.length}.`);
  }
  // With real and imaginary parts exchanged, the forward transform gives the inverse one, unscaled.
  const [x, y] = inverse ? [im, re] : [re, im];
  if (n > 1) {
    if ((n & (n - 1)) === 0) radix2(x, y);
    else bluestein(x, y);
  }
  if (!inverse) return;
  for (let k = 0; k < n; k++) {
    re[k]! /= n;
    im[k]! /= n;
  }
}

/** Cooley and Tukey's transform by decimation in time. */
function radix2(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  const { cos, sin, reversed } = planned(radixPlans, n, radixPlan);
  for (let i = 0; i < n; i++) {
    const j = reversed[i]!;
    if (j <= i) continue;
    [re[i], re[j]] = [re[j]!, re[i]!];
    [im[i], im[j]] = [im[j]!, im[i]!];
  }
  for (let half = 1; half < n; half *= 2) {
    const stride = n / (2 * half);
    for (let start = 0; start < n; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const c = cos[k * stride]!;
        const s = sin[k * stride]!;
        const even = start + k;
        const odd = even + half;
        const oddRe = re[odd]! * c - im[odd]! * s;
        const oddIm = re[odd]! * s + im[odd]! * c;
        re[odd] = re[even]! - oddRe;
        im[odd] = im[even]! - oddIm;
        re[even]! += oddRe;
        im[even]! += oddIm;
      }
    }
  }
}

/** With kn = (k^2 + n^2 - (k - n)^2) / 2 the transform is a convolution, done by powers of two. */
function bluestein(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  const { size, cos, sin, filterRe, filterIm } = planned(chirpPlans, n, chirpPlan);
  const x = new Float64Array(size);
  const y = new Float64Array(size);
  for (let k = 0; k < n; k++) {
    x[k] = re[k]! * cos[k]! - im[k]! * sin[k]!;
    y[k] = re[k]! * sin[k]! + im[k]! * cos[k]!;
  }
  radix2(x, y);
  for (let k = 0; k < size; k++) {
    const real = x[k]! * filterRe[k]! - y[k]! * filterIm[k]!;
    y[k] = x[k]! * filterIm[k]! + y[k]! * filterRe[k]!;
    x[k] = real;
  }
  fftInPlace(x, y, true);
  for (let k = 0; k < n; k++) {
    re[k] = x[k]! * cos[k]! - y[k]! * sin[k]!;
    im[k] = x[k]! * sin[k]! + y[k]! * cos[k]!;
  }
}

function radixPlan(n: number): RadixPlan {
  const cos = Float64Array.from({ length: n / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / n));
  const sin = Float64Array.from({ length: n / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / n));
  const reversed = new Uint32Array(n);
  for (let i = 1; i < n; i++) reversed[i] = (reversed[i >> 1]! >> 1) | (i & 1 ? n >> 1 : 0);
  return { cos, sin, reversed };
}

function chirpPlan(n: number): ChirpPlan {
  const size = 2 ** Math.ceil(Math.log2(2 * n - 1));
  const cos = new Float64Array(n);
  const sin = new Float64Array(n);
  const filterRe = new Float64Array(size);
  const filterIm = new Float64Array(size);
  // k^2 modulo 2n, kept exact as the angle loses its digits when k^2 grows.
  for (let k = 0, square = 0; k < n; square = (square + 2 * k + 1) % (2 * n), k++) {
    cos[k] = Math.cos((Math.PI * square) / n);
    sin[k] = -Math.sin((Math.PI * square) / n);
    const mirrored = (size - k) % size;
    filterRe[k] = filterRe[mirrored] = cos[k]!;
    filterIm[k] = filterIm[mirrored] = -sin[k]!;
  }
  radix2(filterRe, filterIm);
  return { size, cos, sin, filterRe, filterIm };
}

function planned<P>(plans: Map<number, P>, n: number, make: (n: number) => P): P {
  const plan = plans.get(n) ?? make(n);
  plans.delete(n);
  plans.set(n, plan);
  if (plans.size > MAX_PLANS) plans.delete(plans.keys().next().value!);
  return plan;
}
