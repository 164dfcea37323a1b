import { check, random } from '@tfsci/tensor-core';
import { checkRange, type Range } from './planet-system';

const { argumentMessage, checkNumber } = check;

/** Signs of operations, and what they do. */
export const OPERATIONS = {
  '+': (a: number, b: number) => a + b,
  '-': (a: number, b: number) => a - b,
  '*': (a: number, b: number) => a * b,
};
export type Operator = keyof typeof OPERATIONS;

/** What the texts of this file have beside numbers: words for a tokenizer without keys. */
export const ARITHMETIC_WORDS: readonly string[] = ['+', '-', '*', '=', '(', ')'];

/** A task of one operation. */
export interface ArithmeticSample {
  a: number;
  b: number;
  operator: Operator;
  result: number;
  /** '1.23*-4.5=-5.54'. */
  text: string;
}

/** Options of `arithmeticSamples`. */
export interface ArithmeticOptions {
  count: number;
  /** Each with the same probability, default + - *. */
  operators?: readonly Operator[];
  /** Of a and b, default [-5, 5]. */
  range?: Range;
  /** Figures that operands and result are rounded to, default 3. */
  sigfigs?: number;
  /** An open interval that a is never in, for tests out of the distribution; default none. */
  hole?: Range;
}

/**
 * Tasks a op b = c of rounded numbers: the reduced protocol by which encodings are compared.
 *
 *   a, b ~ U(low, high) rounded,  c = a op b rounded
 *
 * @throws RangeError for bad options
 * @see Golkar et al., 2023, sec. 3, arXiv:2310.02989
 */
export function arithmeticSamples(key: random.Key, options: ArithmeticOptions): ArithmeticSample[] {
  const where = 'xval.arithmeticSamples';
  const { count, operators = ['+', '-', '*'], range = [-5, 5], sigfigs = 3, hole } = options;
  checkNumber(where, 'count', count, { min: 1, integer: true });
  checkNumber(where, 'sigfigs', sigfigs, { min: 1, max: 15, integer: true });
  checkRange(where, 'range', range, {});
  checkOperators(where, operators);
  if (hole !== undefined) {
    checkRange(where, 'hole', hole, {});
    if (hole[0] <= range[0] && hole[1] >= range[1]) {
      throw new RangeError(argumentMessage(where, 'hole', 'leave something of the range', hole));
    }
  }
  const [operands, others, choices] = random.split(random.checkKey(where, key), 3) as [
    random.Key,
    random.Key,
    random.Key,
  ];
  const draw = (own: random.Key): Float64Array =>
    random.fillUniform(own, new Float64Array(count), { low: range[0], high: range[1] });
  const isOut = (a: number): boolean => hole !== undefined && a > hole[0] && a < hole[1];
  const as = draw(operands).map((a) => rounded(a, sigfigs));
  // What falls into the hole is drawn again until nothing does.
  for (let round = 1; as.some(isOut); round++) {
    const again = draw(random.foldIn(operands, round));
    as.forEach((a, i) => isOut(a) && (as[i] = rounded(again[i]!, sigfigs)));
  }
  const bs = draw(others);
  const kinds = random.fillIntegers(choices, new Int32Array(count), { low: 0, high: operators.length });
  return Array.from(as, (a, i) => {
    const b = rounded(bs[i]!, sigfigs);
    const operator = operators[kinds[i]!]!;
    const result = rounded(OPERATIONS[operator](a, b), sigfigs);
    return { a, b, operator, result, text: `${a}${operator}${b}=${result}` };
  });
}

/** To significant figures. */
export function rounded(x: number, sigfigs: number): number {
  return Number(x.toPrecision(sigfigs)) + 0;
}

/** @throws RangeError for an unknown operator, or none at all */
export function checkOperators(where: string, operators: readonly Operator[]): void {
  if (operators.length === 0) throw new RangeError(argumentMessage(where, 'operators', 'have at least one', operators));
  operators.forEach((operator) => check.checkOneOf(where, 'an operator', operator, Object.keys(OPERATIONS)));
}
