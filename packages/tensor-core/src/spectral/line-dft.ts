// R lines, P parts (1 real, 2 real and imaginary), N elements of a line, M = floor(N / 2) + 1 coefficients of a real line
import * as tf from '@tensorflow/tfjs';
import { BoundedCache } from './bounded-cache';
import { chirpOf } from './chirp';
import { firstOf, leftMatrix, rightMatrix, type Side } from './dft-matrix';
import { LARGEST_DIRECT, LARGEST_DIRECT_COMPLEX, strategyOf, type Strategy } from './dft-strategy';
import { halfLength } from './fft-plan';
import { conjugation, phasesOf, turned, type Phases } from './phases';
import { unitRoots } from './roots';

type Factors = Extract<Strategy, { kind: 'factors' }>;

/** Together at most 16 MB. */
const tables = new BoundedCache<Phases>(2 ** 21);
const chirps = new BoundedCache<{ chirp: Phases; filter: Phases }>(2 ** 21);

const outside = (count: number): Side => ({ span: firstOf(count), parts: 'outside' });
const inside = (count: number): Side => ({ span: firstOf(count), parts: 'inside' });
const real = (count: number): Side => ({ span: firstOf(count), parts: null });

/** scale * sum_j x_j exp(sign 2 pi i j k / n) of real (P = 1) or complex (P = 2) lines: [R, P, N] to [R, 2, N]. */
export function lineDft(x_RPN: tf.Tensor3D, sign: 1 | -1, scale: number): tf.Tensor3D {
  const [lines, parts, n] = x_RPN.shape;
  const strategy = strategyOf(n, parts === 2 ? LARGEST_DIRECT_COMPLEX : LARGEST_DIRECT);
  if (strategy.kind === 'factors') return factoredDft(x_RPN, strategy, sign, scale);
  if (strategy.kind === 'chirp') return chirpDft(x_RPN, strategy.size, sign, scale);
  const from = parts === 1 ? real(n) : outside(n);
  const matrix = rightMatrix({ n, sign, scale, from, to: outside(n) });
  return x_RPN
    .reshape([lines, parts * n])
    .matMul(matrix)
    .reshape([lines, 2, n]);
}

/** The first half of the coefficients of real lines: [R, N] to [R, 2, M]. */
export function realLineDft(x_RN: tf.Tensor2D, scale: number): tf.Tensor3D {
  const [lines, n] = x_RN.shape;
  const m = halfLength(n);
  const strategy = strategyOf(n);
  if (strategy.kind === 'factors') return factoredRealDft(x_RN, strategy, scale);
  if (strategy.kind === 'chirp') {
    return chirpDft(x_RN.reshape([lines, 1, n]), strategy.size, -1, scale).slice([0, 0, 0], [lines, 2, m]);
  }
  return x_RN.matMul(rightMatrix({ n, sign: -1, scale, from: real(n), to: outside(m) })).reshape([lines, 2, m]);
}

/** The real lines whose coefficients have the given first half: [R, 2, M] to [R, N]. */
export function realLineInverse(x_RPM: tf.Tensor3D, n: number, scale: number): tf.Tensor2D {
  const [lines, , m] = x_RPM.shape;
  const strategy = strategyOf(n);
  if (strategy.kind === 'factors') return factoredRealInverse(x_RPM, strategy, scale);
  if (strategy.kind === 'chirp') {
    const all_RPN = chirpDft(mirrored(x_RPM, n), strategy.size, 1, scale);
    return all_RPN.slice([0, 0, 0], [lines, 1, n]).reshape([lines, n]);
  }
  const matrix = rightMatrix({ n, sign: 1, scale, from: outside(m), to: real(n), mirrored: true });
  return tf.matMul(x_RPM.reshape([lines, 2 * m]), matrix);
}

/**
 * All coefficients from the first half by X_(n-k) = conj X_k: [R, 2, M] to [R, 2, N]. Imaginary parts of coefficients
 * 0 and n / 2 stay, and are without effect on the real part of the inverse.
 */
export function mirrored(x_RPM: tf.Tensor3D, n: number): tf.Tensor3D {
  const [lines, , m] = x_RPM.shape;
  if (n === m) return x_RPM;
  const rest = x_RPM
    .slice([0, 0, 1], [lines, 2, n - m])
    .reverse(2)
    .mul<tf.Tensor3D>(conjugation());
  return tf.concat([x_RPM, rest], 2);
}

/**
 * Cooley and Tukey's two factors, n = r c: with j = c a + b and k = d + r e,
 *
 *   X_(d + r e) = sum_b w_c^(b e) w_n^(b d) sum_a w_r^(a d) x_(c a + b)
 */
function factoredDft(x_RPN: tf.Tensor3D, { rows, columns }: Factors, sign: 1 | -1, scale: number): tf.Tensor3D {
  const [lines, parts, n] = x_RPN.shape;
  const from = parts === 1 ? real(rows) : outside(rows);
  const matrix = leftMatrix({ n: rows, sign, scale, from, to: inside(rows) });
  const first = matrix.matMul(x_RPN.reshape<tf.Tensor3D>([lines, parts * rows, columns]));
  const between = turned(first.reshape([lines, rows, 2, columns]), twiddlesOf(n, sign, rows, columns));
  const second = lineDft(between.reshape([lines * rows, 2, columns]), sign, 1);
  return second.reshape([lines, rows, 2, columns]).transpose([0, 2, 3, 1]).reshape([lines, 2, n]);
}

/**
 * As `factoredDft`, with half of the work: of real lines only d <= r / 2 is computed. The others are conjugates,
 * X_(r - d + r (c - 1 - e)) = conj X_(d + r e).
 */
function factoredRealDft(x_RN: tf.Tensor2D, { rows, columns }: Factors, scale: number): tf.Tensor3D {
  const [lines, n] = x_RN.shape;
  const kept = halfLength(rows);
  const matrix = leftMatrix({ n: rows, sign: -1, scale, from: real(rows), to: inside(kept) });
  const first = matrix.matMul(x_RN.reshape<tf.Tensor3D>([lines, rows, columns]));
  const between = turned(first.reshape([lines, kept, 2, columns]), twiddlesOf(n, -1, kept, columns));
  const second = lineDft(between.reshape([lines * kept, 2, columns]), -1, 1).reshape([lines, kept, 2, columns]);
  const others = second.slice([0, 1, 0, 0], [lines, rows - kept, 2, columns]);
  const all = rows > kept ? tf.concat([second, others.reverse([1, 3]).mul(conjugation())], 1) : second;
  const sorted = all.transpose([0, 2, 3, 1]).reshape<tf.Tensor3D>([lines, 2, n]);
  return sorted.slice([0, 0, 0], [lines, 2, halfLength(n)]);
}

/**
 * As `factoredDft` from coefficients k = c a + b to elements j = d + r e, with half of the work: what the coefficients
 * b and c - b give are conjugates, so b <= c / 2 determine the real lines.
 */
function factoredRealInverse(x_RPM: tf.Tensor3D, { rows, columns }: Factors, scale: number): tf.Tensor2D {
  const [lines] = x_RPM.shape;
  const n = rows * columns;
  const kept = halfLength(columns);
  const all = mirrored(x_RPM, n)
    .reshape([lines, 2 * rows, columns])
    .slice([0, 0, 0], [lines, 2 * rows, kept]);
  const matrix = leftMatrix({ n: rows, sign: 1, scale, from: outside(rows), to: inside(rows) });
  const first = matrix.matMul(all as tf.Tensor3D).reshape([lines, rows, 2, kept]);
  const between = turned(first, twiddlesOf(n, 1, rows, kept));
  const second = realLineInverse(between.reshape([lines * rows, 2, kept]), columns, 1);
  return second.reshape([lines, rows, columns]).transpose([0, 2, 1]).reshape([lines, n]);
}

/** exp(sign 2 pi i b d / n) for the first d and b. */
function twiddlesOf(n: number, sign: 1 | -1, rows: number, columns: number): Phases {
  return tables.get(`twiddles ${n} ${sign} ${rows} ${columns}`, 4 * rows * columns, () => {
    const { cos, sin } = unitRoots(n);
    return phasesOf(rows, columns, (d, b) => [cos[d * b]!, sign * sin[d * b]!]);
  });
}

/** As a convolution, which takes any n; see `chirpOf`. */
function chirpDft(x_RPN: tf.Tensor3D, size: number, sign: 1 | -1, scale: number): tf.Tensor3D {
  const [lines, parts, n] = x_RPN.shape;
  const both = parts === 1 ? tf.concat([x_RPN, tf.zerosLike(x_RPN)], 1) : x_RPN;
  // With the parts exchanged before and after, the transform is the inverse one.
  if (sign === 1) return chirpDft(both.reverse(1), size, -1, scale).reverse(1);
  const { chirp, filter } = chirpPhases(n, scale);
  const padding: [number, number][] = [[0, 0], [0, 0], [0, size - n]]; // prettier-ignore
  const modulated = turned(both, chirp).pad<tf.Tensor3D>(padding);
  const convolved = lineDft(turned(lineDft(modulated, -1, 1), filter), 1, 1);
  return turned(convolved.slice([0, 0, 0], [lines, 2, n]), chirp);
}

function chirpPhases(n: number, scale: number): { chirp: Phases; filter: Phases } {
  const make = () => {
    const { re, im, size, filterRe, filterIm } = chirpOf(n);
    return {
      chirp: phasesOf(1, n, (_, j) => [re[j]!, im[j]!]),
      filter: phasesOf(1, size, (_, k) => [scale * filterRe[k]!, scale * filterIm[k]!]),
    };
  };
  return chirps.get(`${n} ${scale}`, 20 * n, make);
}
