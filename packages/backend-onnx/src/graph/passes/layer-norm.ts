import type { ProgramNode } from '../program';
import { float } from '../value';
import type { Rewriter } from './rewriter';

/**
 * (x - mean(x)) / sqrt(var(x) + epsilon) over the last axis, then scaled and shifted by column if it is: one
 * LayerNormalization instead of eight passes, and no less exact. Only where nothing else, such as a gradient, wants
 * what is in between.
 */
export function fuseLayerNorms(program: Rewriter): void {
  program.forEach((node, place) => {
    const found = normalized(program, node);
    if (!found) return;
    const { x, epsilon } = found;
    const { shape } = program.values[x]!;
    const scale = program.constant(
      [shape.at(-1)!],
      Array.from({ length: shape.at(-1)! }, () => 1),
    );
    const attributes = { axis: -1, epsilon: float(epsilon) };
    program.replace(place, {
      op: 'LayerNormalization',
      domain: '',
      attributes,
      inputs: [x, scale],
      outputs: node.outputs,
    });
  });
  for (const op of ['Mul', 'Add']) {
    program.forEach((node, place) => {
      if (node.op === op) drawIn(program, node, place);
    });
  }
}

/** x and epsilon, if the node is the product of x - mean and 1 / deviation. */
function normalized(program: Rewriter, node: ProgramNode): { x: number; epsilon: number } | undefined {
  if (node.op !== 'Mul') return undefined;
  for (const [centred, factor] of [node.inputs, [...node.inputs].reverse()] as [number, number][]) {
    const difference = program.maker(centred, 'Sub');
    if (!difference || program.usesOf(centred) !== 3) continue;
    const [x, mean] = difference.inputs as [number, number];
    const epsilon = epsilonOf(program, factor, centred);
    if (epsilon !== undefined && meanOf(program, mean) === x) return { x, epsilon };
  }
  return undefined;
}

/** epsilon, if the value is 1 / sqrt(mean(centred^2) + epsilon). */
function epsilonOf(program: Rewriter, factor: number, centred: number): number | undefined {
  const single = (value: number, op: string): ProgramNode | undefined =>
    program.usedOnce(value) ? program.maker(value, op) : undefined;
  const root = single(factor, 'Reciprocal')?.inputs[0];
  const sum = root === undefined ? undefined : single(root, 'Sqrt')?.inputs[0];
  const terms = sum === undefined ? undefined : single(sum, 'Add')?.inputs;
  if (!terms) return undefined;
  const [variance, epsilon] = terms as [number, number];
  const squares = meanOf(program, variance);
  const product = squares === undefined ? undefined : single(squares, 'Mul')?.inputs;
  if (!product || product[0] !== centred || product[1] !== centred) return undefined;
  const known = program.values[epsilon]!.constant;
  return known?.length === 1 ? Number(known[0]) : undefined;
}

/** The tensor whose mean over the last axis, kept as an axis of length 1, the value is. */
function meanOf(program: Rewriter, value: number): number | undefined {
  const quotient = program.usedOnce(value) ? program.maker(value, 'Div') : undefined;
  if (!quotient) return undefined;
  const [total, count] = quotient.inputs as [number, number];
  const sum = program.usedOnce(total) ? program.maker(total, 'ReduceSum') : undefined;
  if (!sum || sum.attributes['keepdims'] !== 1) return undefined;
  const { shape } = program.values[sum.inputs[0]!]!;
  const axes = program.values[sum.inputs[1]!]!.constant;
  const isLast = axes?.length === 1 && Number(axes[0]) === shape.length - 1;
  return isLast && Number(program.values[count]!.constant?.[0]) === shape.at(-1) ? sum.inputs[0] : undefined;
}

/** A scale (Mul) or shift (Add) by column as operand of the LayerNormalization before it. */
function drawIn(program: Rewriter, node: ProgramNode, place: number): void {
  for (const [result, column] of [node.inputs, [...node.inputs].reverse()] as [number, number][]) {
    const norm = program.maker(result, 'LayerNormalization');
    if (!norm || !program.usedOnce(result)) continue;
    const { shape } = program.values[column]!;
    const [x, scale, ...shift] = norm.inputs as [number, number, ...number[]];
    const isFree = node.op === 'Add' ? shift.length === 0 : shift.length === 0 && program.values[scale]!.constant;
    if (!isFree || shape.length !== 1 || shape[0] !== program.values[x]!.shape.at(-1)) continue;
    const inputs = node.op === 'Add' ? [x, scale, column] : [x, column];
    program.replace(place, { ...norm, inputs, outputs: node.outputs });
    return;
  }
}
