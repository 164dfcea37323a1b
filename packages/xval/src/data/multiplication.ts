import { check, random } from '@tfsci/tensor-core';

const { checkNumber } = check;

/** A product of integers. */
export interface MultiplicationSample {
  a: number;
  b: number;
  /** Exact. */
  product: number;
  /** '123*456=56088'. */
  text: string;
}

/**
 * Products of two random integers of that many digits each.
 *
 * @param options.digits  of each factor, 1 to 7, default 3
 * @throws RangeError for bad options
 * @see Golkar et al., 2023, sec. 3.1, arXiv:2310.02989
 */
export function multiplicationSamples(
  key: random.Key,
  { digits = 3, count }: { digits?: number; count: number },
): MultiplicationSample[] {
  const where = 'xval.multiplicationSamples';
  checkNumber(where, 'digits', digits, { min: 1, max: 7, integer: true });
  checkNumber(where, 'count', count, { min: 1, integer: true });
  const bounds = { low: digits === 1 ? 0 : 10 ** (digits - 1), high: 10 ** digits };
  const factors = random.fillIntegers(random.checkKey(where, key), new Int32Array(2 * count), bounds);
  return Array.from({ length: count }, (_, i) => {
    const [a, b] = [factors[2 * i]!, factors[2 * i + 1]!];
    return { a, b, product: a * b, text: `${a}*${b}=${a * b}` };
  });
}
