import { float, sizeOf, type Shape } from '../value';
import type { Rewriter } from './rewriter';

/**
 * A product and the sum or scaling after it as one Gemm, alpha A B + beta C: a layer's bias, a residual connection,
 * the sum of gradients. Each saves a pass over the product.
 */
export function drawIntoGemm(program: Rewriter): void {
  program.forEach((node, place) => {
    if (node.op === 'Add') addIntoGemm(program, place, node.inputs, node.outputs);
    if (node.op === 'Mul') scaleIntoGemm(program, place, node.inputs, node.outputs);
  });
}

function addIntoGemm(program: Rewriter, place: number, [left, right]: number[], outputs: number[]): void {
  for (const [product, other] of [
    [left!, right!],
    [right!, left!],
  ] as const) {
    const gemm = program.maker(product, 'Gemm');
    if (!gemm || gemm.inputs.length > 2 || !program.usedOnce(product)) continue;
    const shape = program.values[product]!.shape;
    if (!broadcastsInto(program.values[other]!.shape, shape)) continue;
    program.replace(place, { ...gemm, inputs: [...gemm.inputs, other], outputs });
    return;
  }
}

/** Whether Gemm takes a C of this shape: it broadcasts to the product's and does not widen it. */
function broadcastsInto(shape: Shape, product: Shape): boolean {
  if (shape.length > product.length) return false;
  return shape.every((length, axis) => length === 1 || length === product[axis + product.length - shape.length]);
}

function scaleIntoGemm(program: Rewriter, place: number, [left, right]: number[], outputs: number[]): void {
  for (const [product, scale] of [
    [left!, right!],
    [right!, left!],
  ] as const) {
    const gemm = program.maker(product, 'Gemm');
    const { constant, shape } = program.values[scale]!;
    if (
      !gemm ||
      gemm.inputs.length > 2 ||
      !program.usedOnce(product) ||
      !constant ||
      sizeOf(shape) !== 1 ||
      shape.length > 2
    ) {
      continue;
    }
    const { alpha } = gemm.attributes as { alpha?: { float: number } };
    const attributes = { ...gemm.attributes, alpha: float((alpha?.float ?? 1) * Number(constant[0])) };
    program.replace(place, { ...gemm, attributes, outputs });
    return;
  }
}
