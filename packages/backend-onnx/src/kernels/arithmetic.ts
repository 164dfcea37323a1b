import type { Builder } from '../graph/builder';
import { broadcastShape } from '../graph/shapes';
import { upcast } from '../graph/types';
import type { Value } from '../graph/value';
import type { Lowering, LoweringTable } from './registry';

/** Sums, products and their like, element by element. */
export const arithmetic: LoweringTable = {
  // Of truth values, TensorFlow.js's sums and differences are 2 and 255, which only the host has.
  Add: numeric((a, b, graph) => graph.add(a, b)),
  Sub: numeric((a, b, graph) => graph.sub(a, b)),
  Multiply: numeric(product, 'And'),
  RealDiv: numeric((a, b, graph) => (a.type === 'float32' ? graph.div(a, b) : null)),
  FloorDiv: numeric((a, b, graph) =>
    a.type === 'float32' ? wrap(graph, graph.unary('Floor', graph.div(a, b))) : flooredQuotient(graph, a, b),
  ),
  Mod: numeric((a, b, graph) => (a.type === 'float32' ? floatRemainder(graph, a, b) : intRemainder(graph, a, b))),
  Maximum: numeric((a, b, graph) => graph.binary('Max', a, b), 'Or'),
  Minimum: numeric((a, b, graph) => graph.binary('Min', a, b), 'And'),
  Pow: numeric((a, b, graph) => {
    if (a.type === 'float32') return graph.binary('Pow', a, b);
    // In int64 a power that is too large for int32 wraps, as those of TensorFlow.js do.
    return graph.cast(graph.binary('Pow', graph.cast(a, 'int64'), b), 'int32');
  }),
  SquaredDifference: numeric((a, b, graph) => {
    const difference = graph.sub(a, b);
    return graph.mul(difference, difference);
  }, 'Xor'),
  Atan2: numeric((a, b, graph) => (a.type === 'float32' ? angle(graph, a, b) : null)),
  BitwiseAnd: numeric((a, b, graph) => (a.type === 'int32' ? graph.binary('BitwiseAnd', a, b) : null)),

  AddN(operands, _, graph) {
    const terms = Object.values(operands);
    const { type, shape } = terms[0]!;
    if (type === 'bool') return null;
    if (terms.length === 1 || type === 'int32') return terms.reduce(graph.add);
    return graph.op('Sum', terms, type, shape);
  },

  Prelu({ x, alpha }, _, graph) {
    const [input, slope] = [graph.cast(x!, 'float32'), graph.cast(alpha!, 'float32')];
    // Of the two, ONNX broadcasts the slope alone.
    const shape = broadcastShape(input.shape, slope.shape);
    return graph.op('PRelu', [graph.expand(input, shape), slope], 'float32', shape);
  },
};

/**
 * The lowering of a kernel of two operands, which come to `apply` in the wider of their types.
 *
 * @param logical  the operator that does it to truth values, if there is one
 */
function numeric(apply: (a: Value, b: Value, graph: Builder) => Value | null, logical?: string): Lowering {
  return ({ a, b }, _, graph) => {
    const [left, right] = aligned(graph, a!, b!);
    if (left.type !== 'bool') return elementwise(graph, [left, right], ([x, y]) => apply(x!, y!, graph));
    return logical === undefined ? null : graph.binary(logical, left, right);
  };
}

/** Both in the type that holds either. */
export function aligned(graph: Builder, a: Value, b: Value): [Value, Value] {
  const type = upcast(a.type, b.type);
  return [graph.cast(a, type), graph.cast(b, type)];
}

/**
 * An operation element by element, done before its operands are expanded rather than after it: the gradient of a mean
 * stays one number until it meets a tensor.
 */
export function elementwise<T extends Value | null>(
  graph: Builder,
  operands: readonly Value[],
  apply: (operands: Value[]) => T,
): Value | T {
  if (!operands.some(isExpansion)) return apply([...operands]);
  const result = apply(operands.map((x) => (isExpansion(x) ? x.node!.inputs[0]! : x)));
  return result && graph.expand(result, operands.map(({ shape }) => shape).reduce(broadcastShape));
}

const isExpansion = ({ node }: Value): boolean => node?.op === 'Expand';

/** The gradient of a sum multiplies by ones, which then is but an expansion. */
function product(a: Value, b: Value, graph: Builder): Value {
  const shape = broadcastShape(a.shape, b.shape);
  if (isOne(b)) return graph.expand(a, shape);
  if (isOne(a)) return graph.expand(b, shape);
  return graph.mul(a, b);
}

const isOne = ({ constant }: Value): boolean =>
  constant !== null && constant.every((element: number | bigint) => element === 1);

/** float32 as int32 by JavaScript's rules: what is too large wraps, infinities and NaN are 0. */
function wrap(graph: Builder, x: Value): Value {
  // From 2^63 on float32 has multiples of 2^32 only.
  const fits = graph.less(graph.unary('Abs', x), graph.scalar('float32', 2 ** 63));
  const whole = graph.cast(graph.where(fits, x, graph.scalar('float32', 0)), 'int64');
  // The remainder stands between two casts that ONNX Runtime would merge into one, which does not wrap.
  return graph.cast(graph.binary('Mod', whole, graph.scalar('int64', 2 ** 32)), 'int32');
}

/** Of int32. Processors trap at division by 0, here 0, and at -(2^31) / -1, which fits into int64. */
function flooredQuotient(graph: Builder, a: Value, b: Value): Value {
  const [dividend, divisor] = [graph.cast(a, 'int64'), graph.cast(b, 'int64')];
  const isZero = graph.equal(divisor, graph.scalar('int64', 0));
  const safe = graph.where(isZero, graph.scalar('int64', 1), divisor);
  const quotient = graph.div(graph.sub(dividend, graph.binary('Mod', dividend, safe)), safe);
  return graph.cast(graph.where(isZero, graph.scalar('int64', 0), quotient), 'int32');
}

/** With the divisor's sign; 0 for the divisors 0 and -1, at which processors may trap. */
function intRemainder(graph: Builder, a: Value, b: Value): Value {
  const [zero, one, minusOne] = [0, 1, -1].map((value) => graph.scalar('int32', value)) as [Value, Value, Value];
  const traps = graph.or(graph.equal(b, zero), graph.equal(b, minusOne));
  return graph.binary('Mod', a, graph.where(traps, one, b));
}

/** With the divisor's sign. */
function floatRemainder(graph: Builder, a: Value, b: Value): Value {
  const shape = broadcastShape(a.shape, b.shape);
  const remainder = graph.op('Mod', [a, b], 'float32', shape, { fmod: 1 });
  const differs = graph.less(graph.mul(graph.unary('Sign', remainder), b), graph.scalar('float32', 0));
  return graph.where(differs, graph.add(remainder, b), remainder);
}

/** Angle of the point (x, y), in (-pi, pi]. */
function angle(graph: Builder, y: Value, x: Value): Value {
  const scalar = (value: number): Value => graph.scalar('float32', value);
  const quotient = graph.div(y, x);
  // 0 / 0 counts as 0, infinity / infinity as 1; the sign of NaN is NaN.
  const signs = graph.mul(graph.unary('Sign', y), graph.unary('Sign', x));
  const slope = graph.where(graph.op('IsNaN', [quotient], 'bool', quotient.shape), signs, quotient);
  const halfTurn = graph.where(isNegative(graph, y), scalar(-Math.PI), scalar(Math.PI));
  return graph.add(graph.unary('Atan', slope), graph.where(isNegative(graph, x), halfTurn, scalar(0)));
}

/** Less than 0, or -0. */
function isNegative(graph: Builder, x: Value): Value {
  const zero = graph.scalar('float32', 0);
  return graph.or(graph.less(x, zero), graph.less(graph.unary('Reciprocal', x), zero));
}
