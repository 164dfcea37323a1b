import type * as tf from '@tensorflow/tfjs';
import type { Builder } from '../graph/builder';
import type { Value } from '../graph/value';
import { elementwise } from './arithmetic';
import type { Lowering, LoweringTable } from './registry';

/** Functions of one number. The operators of ONNX Runtime are within 4 units of float32's last place. */
export const unary: LoweringTable = {
  Acos: floats('Acos'),
  Acosh: floats('Acosh'),
  Asin: floats('Asin'),
  Asinh: floats('Asinh'),
  Atan: floats('Atan'),
  Atanh: floats('Atanh'),
  Cos: floats('Cos'),
  Cosh: floats('Cosh'),
  Erf: floats('Erf'),
  Expm1: floats(expMinusOne),
  Log: floats('Log'),
  Log1p: floats(logOnePlus),
  Reciprocal: floats('Reciprocal'),
  Rsqrt: floats((x, graph) => graph.unary('Reciprocal', graph.unary('Sqrt', x))),
  Sin: floats('Sin'),
  Sinh: floats('Sinh'),
  Sqrt: floats('Sqrt'),
  Tan: floats(tangent),
  Tanh: floats('Tanh'),

  /** The one of them whose result is float32 for integers too. */
  Exp: ({ x }, _, graph) =>
    elementwise(graph, [x!], ([value]) =>
      value!.type === 'float32' ? graph.unary('Exp', value!) : expOfInteger(value!, graph),
    ),

  Ceil: rounding('Ceil'),
  Floor: rounding('Floor'),
  Round: rounding('Round'),

  Abs: numbers((x, graph) => graph.unary('Abs', x)),
  Square: numbers((x, graph) => graph.mul(x, x)),
  Sign: numbers((x, graph) => {
    const sign = graph.unary('Sign', x);
    if (x.type !== 'float32') return sign;
    // TensorFlow.js takes NaN to have the sign 0.
    return graph.where(graph.op('IsNaN', [x], 'bool', x.shape), graph.scalar('float32', 0), sign);
  }),
  Neg: ({ x }, _, graph) => (x!.type === 'bool' ? null : elementwise(graph, [x!], ([value]) => graph.neg(value!))),

  ClipByValue({ x }, { clipValueMin, clipValueMax }: tf.ClipByValueAttrs, graph) {
    if (x!.type === 'bool') return null;
    const bound = (value: number): Value => graph.scalar(x!.type, x!.type === 'int32' ? withinInt32(value) : value);
    return elementwise(graph, [x!], ([value]) =>
      graph.op('Clip', [value!, bound(clipValueMin), bound(clipValueMax)], value!.type, value!.shape),
    );
  },
};

/**
 * A function that has no integers for values: of integers TensorFlow.js cuts off what follows the point, for which
 * float32 is not exact enough, so these go to the host.
 *
 * @param apply  an operator's name or what to do
 */
export function floats(apply: string | ((x: Value, graph: Builder) => Value)): Lowering {
  const operate = typeof apply === 'string' ? (x: Value, graph: Builder): Value => graph.unary(apply, x) : apply;
  return ({ x }, _, graph) =>
    x!.type === 'float32' ? elementwise(graph, [x!], ([value]) => operate(value!, graph)) : null;
}

/** A function that has 0 for 0 and 1 for 1, so truth values stay. */
export function numbers(apply: (x: Value, graph: Builder) => Value): Lowering {
  return ({ x }, _, graph) => (x!.type === 'bool' ? x! : elementwise(graph, [x!], ([value]) => apply(value!, graph)));
}

/** A function that leaves integers as they are. */
function rounding(op: string): Lowering {
  return ({ x }, _, graph) =>
    x!.type === 'float32' ? elementwise(graph, [x!], ([value]) => graph.unary(op, value!)) : x!;
}

const withinInt32 = (value: number): number => Math.trunc(Math.min(Math.max(value, -(2 ** 31)), 2 ** 31 - 1));

/** The integers around those whose exponential float32 has between 0 and infinity. */
const [FIRST_EXP, LAST_EXP] = [-104, 89];

/** From a table, so that it is rounded once. */
function expOfInteger(x: Value, graph: Builder): Value {
  const scalar = (value: number): Value => graph.scalar('int32', value);
  const integer = graph.cast(x, 'int32');
  const bounded = graph.op('Clip', [integer, scalar(FIRST_EXP), scalar(LAST_EXP)], 'int32', x.shape);
  const length = LAST_EXP - FIRST_EXP + 1;
  const table = Float32Array.from({ length }, (_, i) => Math.exp(FIRST_EXP + i));
  return graph.gather(graph.table('float32', [length], table), graph.sub(bounded, scalar(FIRST_EXP)), 0);
}

/** exp(x) - 1 = tanh(x/2) (exp(x) + 1), where nothing cancels. */
function expMinusOne(x: Value, graph: Builder): Value {
  const half = graph.mul(x, graph.scalar('float32', 0.5));
  return graph.mul(graph.unary('Tanh', half), graph.add(graph.unary('Exp', x), graph.scalar('float32', 1)));
}

/**
 * log(1 + x) = log(u) x / (u - 1) with u the sum as it is rounded: its error is the same in both places.
 * Where u - 1 is 0 or infinite, the quotient is no number near 1 and the result is x, at -infinity NaN.
 */
function logOnePlus(x: Value, graph: Builder): Value {
  const one = graph.scalar('float32', 1);
  const sum = graph.add(x, one);
  const ratio = graph.div(x, graph.sub(sum, one));
  const isNear = graph.less(graph.unary('Abs', ratio), graph.scalar('float32', 2));
  const log = graph.unary('Log', sum);
  return graph.where(isNear, graph.mul(log, ratio), graph.add(log, x));
}

/** Near its poles a tangent is as sensitive as it is large, so it is computed in float64. */
function tangent(x: Value, graph: Builder): Value {
  const angle = graph.cast(x, 'float64');
  return graph.cast(graph.div(graph.unary('Sin', angle), graph.unary('Cos', angle)), 'float32');
}
