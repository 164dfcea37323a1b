import type { Builder } from '../graph/builder';
import type { Value } from '../graph/value';
import type {
  ComplexLowering,
  ComplexLoweringTable,
  ComplexOperands,
  ComplexValue,
  Lowering,
  LoweringTable,
  Operands,
} from './registry';

/** Arithmetic of complex numbers. */
export const complexArithmetic: ComplexLoweringTable = {
  Add: binary((a, b, graph) => ({ re: graph.add(a.re, b.re), im: graph.add(a.im, b.im) })),
  Sub: binary((a, b, graph) => ({ re: graph.sub(a.re, b.re), im: graph.sub(a.im, b.im) })),
  Multiply: binary(product),
  RealDiv: binary(quotient),
  Neg: ({ x }, _, graph) => ({ re: graph.neg(x!.re), im: graph.neg(x!.im!) }),
  ComplexAbs: ({ x }, _, graph) => modulus(graph, x!.re, x!.im!),
};

/** Kernels that treat real and imaginary parts alike. */
const PARTWISE = [
  'Concat',
  'GatherNd',
  'GatherV2',
  'Mean',
  'MirrorPad',
  'Pack',
  'PadV2',
  'Reverse',
  'Select',
  'Slice',
  'SplitV',
  'StridedSlice',
  'Sum',
  'Tile',
  'Transpose',
  'Unpack',
];

/** Lowerings of kernels of complex operands; those that move or add elements do what `real`'s do to each part. */
export function complexLowerings(real: LoweringTable): ComplexLoweringTable {
  const partwise = PARTWISE.flatMap((name) => (real[name] ? [[name, toParts(real[name])] as const] : []));
  return { ...complexArithmetic, ...Object.fromEntries(partwise) };
}

function toParts(lowering: Lowering): ComplexLowering {
  return (operands, attributes: object, graph) => {
    const reals: Operands = {};
    const imaginaries: Operands = {};
    for (const name in operands) {
      const { re, im } = operands[name]!;
      reals[name] = re;
      // Indices and conditions are the same for both.
      imaginaries[name] = im ?? (re.type === 'float32' ? graph.fill('float32', re.shape, 0) : re);
    }
    const re = lowering(reals, attributes as never, graph);
    // A padding is a real number.
    const im = lowering(imaginaries, { ...attributes, constantValue: 0 } as never, graph);
    if (re === null || im === null) return null;
    if (!Array.isArray(re)) return { re, im: im as Value };
    return re.map((part, i) => ({ re: part, im: (im as Value[])[i]! }));
  };
}

function binary(apply: (a: ComplexValue, b: ComplexValue, graph: Builder) => ComplexValue): ComplexLowering {
  return ({ a, b }, _, graph) => apply(whole(graph, a!), whole(graph, b!), graph);
}

/** A real operand has no imaginary part. */
function whole(graph: Builder, { re, im }: NonNullable<ComplexOperands[string]>): ComplexValue {
  return { re: graph.cast(re, 'float32'), im: im ?? graph.fill('float32', re.shape, 0) };
}

function product(a: ComplexValue, b: ComplexValue, graph: Builder): ComplexValue {
  return {
    re: graph.sub(graph.mul(a.re, b.re), graph.mul(a.im, b.im)),
    im: graph.add(graph.mul(a.re, b.im), graph.mul(a.im, b.re)),
  };
}

/** a conj(b) / |b|^2, with both divided by the larger part of b first, so that its square neither overflows nor vanishes. */
function quotient(a: ComplexValue, b: ComplexValue, graph: Builder): ComplexValue {
  const size = graph.binary('Max', graph.unary('Abs', b.re), graph.unary('Abs', b.im));
  const [re, im] = [graph.div(b.re, size), graph.div(b.im, size)];
  const above = product({ re: graph.div(a.re, size), im: graph.div(a.im, size) }, { re, im: graph.neg(im) }, graph);
  const below = graph.add(graph.mul(re, re), graph.mul(im, im));
  return { re: graph.div(above.re, below), im: graph.div(above.im, below) };
}

/** larger sqrt(1 + (smaller / larger)^2), which neither overflows nor vanishes where the squares would. */
function modulus(graph: Builder, re: Value, im: Value): Value {
  const scalar = (value: number): Value => graph.scalar('float32', value);
  const [a, b] = [graph.unary('Abs', re), graph.unary('Abs', im)];
  const larger = graph.binary('Max', a, b);
  // The bounds keep 0 / 0 and infinity / infinity from being NaN.
  const finite = graph.binary('Min', graph.binary('Min', a, b), scalar(LARGEST));
  const ratio = graph.div(finite, graph.binary('Max', larger, scalar(SMALLEST)));
  return graph.mul(larger, graph.unary('Sqrt', graph.add(graph.mul(ratio, ratio), scalar(1))));
}

/** Of the positive numbers of float32. */
const [SMALLEST, LARGEST] = [2 ** -149, 2 ** 128 - 2 ** 104];
