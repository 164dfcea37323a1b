import { check, random } from '@tfsci/tensor-core';
import { checkOperators, OPERATIONS, rounded, type ArithmeticOptions, type Operator } from './arithmetic';
import { checkRange } from './planet-system';

const { argumentMessage, checkNumber } = check;

/** A leaf, or an operation of two trees. */
export type ArithmeticTree = number | { operator: Operator; left: ArithmeticTree; right: ArithmeticTree };

/** An expression. */
export interface ArithmeticTreeSample {
  tree: ArithmeticTree;
  /** Rounded as the leaves are. */
  value: number;
  /** Fully in brackets: '((1.32*32.1)+(1.42-8.2))=35.6'. */
  text: string;
}

/** Options of `arithmeticTreeSamples`. */
export interface ArithmeticTreeOptions extends Omit<ArithmeticOptions, 'hole'> {
  /** Numbers in an expression, default 3. */
  leaves?: number;
  /** Expressions whose value is larger in size are drawn again; default 100. */
  bound?: number;
}

/**
 * Random expressions: binary trees with a number at each leaf.
 *
 * The k leaves of a tree fall into i and k - i with i uniform on 1 .. k - 1.
 *
 * @throws RangeError for bad options, or when hardly an expression is within the bound
 * @see Golkar et al., 2023, sec. 3.1, arXiv:2310.02989
 */
export function arithmeticTreeSamples(key: random.Key, options: ArithmeticTreeOptions): ArithmeticTreeSample[] {
  const where = 'xval.arithmeticTreeSamples';
  const { count, leaves = 3, operators = ['+', '-', '*'], range = [-5, 5], sigfigs = 3, bound = 100 } = options;
  checkNumber(where, 'count', count, { min: 1, integer: true });
  checkNumber(where, 'leaves', leaves, { min: 1, max: 64, integer: true });
  checkNumber(where, 'sigfigs', sigfigs, { min: 1, max: 15, integer: true });
  checkNumber(where, 'bound', bound, { above: 0 });
  checkRange(where, 'range', range, {});
  checkOperators(where, operators);
  random.checkKey(where, key);
  return Array.from({ length: count }, (_, i) => {
    for (let attempt = 0; attempt < 1000; attempt++) {
      // Two draws for each of at most leaves - 1 operations, one for each leaf.
      const draws = random.fillUniform(random.foldIn(random.foldIn(key, i), attempt), new Float64Array(3 * leaves));
      let at = 0;
      const grow = (k: number): ArithmeticTree => {
        if (k === 1) return rounded(range[0] + (range[1] - range[0]) * draws[at++]!, sigfigs);
        const split = 1 + Math.floor(draws[at++]! * (k - 1));
        const operator = operators[Math.floor(draws[at++]! * operators.length)]!;
        return { operator, left: grow(split), right: grow(k - split) };
      };
      const tree = grow(leaves);
      const exact = evaluate(tree);
      if (Math.abs(exact) > bound) continue;
      const value = rounded(exact, sigfigs);
      return { tree, value, text: `${textOf(tree)}=${value}` };
    }
    const wanted = `be large enough for some of 1000 expressions of ${leaves} numbers`;
    throw new RangeError(argumentMessage(where, 'bound', wanted, bound));
  });
}

function evaluate(tree: ArithmeticTree): number {
  return typeof tree === 'number' ? tree : OPERATIONS[tree.operator](evaluate(tree.left), evaluate(tree.right));
}

function textOf(tree: ArithmeticTree): string {
  return typeof tree === 'number' ? String(tree) : `(${textOf(tree.left)}${tree.operator}${textOf(tree.right)})`;
}
