import type { Builder } from '../graph/builder';
import { sizeOf, type Value } from '../graph/value';
import type { ComplexLowering, ComplexLoweringTable, ComplexValue } from './registry';

/**
 * The discrete Fourier transform of the last axis and its inverse.
 *
 * Shapes: R rows, N their length, N = P Q, P <= Q; 2 stands for the parts (re, im).
 */
export const fourier: ComplexLoweringTable = {
  FFT: transform(false),
  IFFT: transform(true),
};

/** Up to this length one matrix is as fast as all else, in batches twice as fast; at 256 one row takes 1.8 times as long. */
const LONGEST_DIRECT = 128;

/** Elements of a table of coefficients, 64 MiB; a length with a larger prime factor than 2048 goes to the host. */
const LARGEST_TABLE = 2 ** 24;

function transform(inverse: boolean): ComplexLowering {
  return ({ input }, _, graph) => {
    const { re, im } = input!;
    const { shape } = re;
    const length = shape.at(-1)!;
    const rows = [sizeOf(shape) / length, length];
    const parts = { re: graph.reshape(re, rows), im: graph.reshape(im!, rows) };
    const result = ofRows(graph, parts, length, inverse);
    return result && { re: graph.reshape(result.re, shape), im: graph.reshape(result.im, shape) };
  };
}

function ofRows(graph: Builder, x: ComplexValue, length: number, inverse: boolean): ComplexValue | null {
  if (length <= LONGEST_DIRECT) return byMatrix(graph, x, length, inverse);
  // At powers of 2 ONNX Runtime is about as fast as matrices and needs no tables; at others its error is 2e-4.
  if (Number.isInteger(Math.log2(length))) return byOperator(graph, x, inverse);
  const factor = largestFactor(length);
  if (4 * Math.max(length * factor, (length / factor) ** 2) > LARGEST_TABLE) return null;
  return byFactors(graph, x, factor, length / factor, inverse);
}

function byOperator(graph: Builder, { re, im }: ComplexValue, inverse: boolean): ComplexValue {
  const pairs_RN2 = graph.concat(
    [re, im].map((part) => graph.reshape(part, [...part.shape, 1])),
    2,
  );
  const inputs = [pairs_RN2, null, graph.scalar('int64', 1)];
  const y_RN2 = graph.op('DFT', inputs, 'float32', pairs_RN2.shape, { inverse: inverse ? 1 : 0, onesided: 0 });
  return parted(graph, y_RN2, 2, re.shape);
}

function byMatrix(graph: Builder, { re, im }: ComplexValue, length: number, inverse: boolean): ComplexValue {
  const table = tableOf(graph, `matrix ${length} ${inverse}`, [2 * length, 2 * length], () =>
    matrix(length, (n, k) => root(n * k, length, inverse), inverse ? 1 / length : 1),
  );
  return parted(graph, graph.matMul(graph.concat([re, im], 1), table), 1, re.shape);
}

/**
 * With n = Q p + q and k = i + P j the exponent n k / N is (Q p + q) i / N + q j / Q, up to whole numbers: for each q a
 * transform of length P over p, of which the factors exp(-2 pi sqrt(-1) q i / N) are part, and then one of length Q.
 */
function byFactors(graph: Builder, { re, im }: ComplexValue, P: number, Q: number, inverse: boolean): ComplexValue {
  const [R, N] = re.shape as [number, number];
  const first_QPP = tableOf(graph, `first ${P} ${Q} ${inverse}`, [Q, 2 * P, 2 * P], () => {
    const tables = new Float32Array(4 * P * P * Q);
    for (let q = 0; q < Q; q++) {
      tables.set(
        matrix(P, (p, i) => root((Q * p + q) * i, N, inverse), inverse ? 1 / N : 1),
        4 * P * P * q,
      );
    }
    return tables;
  });
  const second_QQ = tableOf(graph, `second ${Q} ${inverse}`, [2 * Q, 2 * Q], () =>
    matrix(Q, (q, j) => root(q * j, Q, inverse), 1),
  );
  const x_R2PQ = graph.reshape(graph.concat([re, im], 1), [R, 2, P, Q]);
  const x_QR2P = graph.reshape(graph.transpose(x_R2PQ, [3, 0, 1, 2]), [Q, R, 2 * P]);
  const y_QR2P = graph.reshape(graph.matMul(x_QR2P, first_QPP), [Q, R, 2, P]);
  const y_RP2Q = graph.reshape(graph.transpose(y_QR2P, [1, 3, 2, 0]), [R * P, 2 * Q]);
  const z_RP2Q = graph.reshape(graph.matMul(y_RP2Q, second_QQ), [R, P, 2, Q]);
  return parted(graph, graph.transpose(z_RP2Q, [2, 0, 3, 1]), 0, [R, N]);
}

/** Real and imaginary part, which lie next to each other along an axis. */
function parted(graph: Builder, x: Value, axis: number, shape: readonly number[]): ComplexValue {
  const half = x.shape[axis]! / 2;
  const [re, im] = graph.split(x, axis, [half, half]).map((part) => graph.reshape(part, shape));
  return { re: re!, im: im! };
}

function largestFactor(length: number): number {
  let factor = Math.floor(Math.sqrt(length));
  while (length % factor !== 0) factor--;
  return factor;
}

type Complex = readonly [re: number, im: number];

/** exp(-2 pi sqrt(-1) n / length), of the inverse its conjugate. */
function root(n: number, length: number, inverse: boolean): Complex {
  const angle = ((inverse ? 2 : -2) * Math.PI * (n % length)) / length;
  return [Math.cos(angle), Math.sin(angle)];
}

/** [[re, im], [-im, re]], which maps rows (re, im) as the complex matrix `scale element(row, column)` does. */
function matrix(size: number, element: (row: number, column: number) => Complex, scale: number): Float32Array {
  const elements = new Float32Array(4 * size * size);
  const set = (row: number, column: number, value: number): void => {
    elements[2 * size * row + column] = scale * value;
  };
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const [re, im] = element(row, column);
      set(row, column, re);
      set(row, size + column, im);
      set(size + row, column, -im);
      set(size + row, size + column, re);
    }
  }
  return elements;
}

/** Tables that were used last. */
const tables = new Map<string, Value>();
const MOST_TABLES = 16;

function tableOf(graph: Builder, name: string, shape: number[], compute: () => Float32Array): Value {
  const table = tables.get(name) ?? graph.table('float32', shape, compute());
  tables.delete(name);
  tables.set(name, table);
  if (tables.size > MOST_TABLES) tables.delete(tables.keys().next().value!);
  return table;
}
