import type { ProgramNode } from '../program';
import { sizeOf } from '../value';
import type { Rewriter } from './rewriter';

/** A product or quotient of a tensor and a number. */
interface Scaled {
  tensor: number;
  scalar: number;
  divides: boolean;
}

/**
 * Products and quotients with one number after another as one product: (x / s) t = x (t / s), and
 * ((x s) / y) t = (x (s t)) / y. Optimizers are full of them; arithmetic of numbers costs nothing beside a pass over
 * a weight. Results differ by rounding at most.
 */
export function mergeScalars(program: Rewriter): void {
  program.forEach((node, place) => {
    const outer = scaled(program, node);
    if (!outer || !program.usedOnce(outer.tensor)) return;
    const inner = scaled(program, program.maker(outer.tensor, 'Mul', 'Div'));
    if (inner && mayCombine(program, outer, inner)) {
      const scalar = combined(program, place, outer, inner);
      program.replace(place, { ...node, op: 'Mul', inputs: [inner.tensor, scalar] });
      return;
    }
    throughQuotient(program, node, place, outer);
  });
}

/** (A / D) t, where A is a scaled tensor itself, as (A' / D). */
function throughQuotient(program: Rewriter, node: ProgramNode, place: number, outer: Scaled): void {
  const quotient = program.maker(outer.tensor, 'Div');
  if (!quotient) return;
  const [numerator, denominator] = quotient.inputs as [number, number];
  const inner = scaled(program, program.maker(numerator, 'Mul', 'Div'));
  if (!inner || !program.usedOnce(numerator) || !mayCombine(program, outer, inner)) return;
  const { shape, type } = program.values[numerator]!;
  const scalar = combined(program, place, outer, inner);
  const product = program.insertBefore(place, 'Mul', [inner.tensor, scalar], type, shape);
  program.replace(place, { ...quotient, inputs: [product, denominator], outputs: node.outputs });
}

/** One of them is known and far from where floats end, so that their product does not overflow where the steps do not. */
function mayCombine(program: Rewriter, ...pair: Scaled[]): boolean {
  return pair.some(({ scalar }) => {
    const size = Math.abs(Number(program.values[scalar]!.constant?.[0] ?? 0));
    return size > 1e-12 && size < 1e12;
  });
}

/** The number by which to multiply for both. */
function combined(program: Rewriter, place: number, outer: Scaled, inner: Scaled): number {
  const { type } = program.values[outer.scalar]!;
  const [a, b] = [outer.scalar, inner.scalar];
  const rank = Math.max(program.values[a]!.rank, program.values[b]!.rank);
  const shape = Array.from({ length: rank }, () => 1);
  const apply = (op: string, left: number, right: number): number =>
    program.insertBefore(place, op, [left, right], type, shape);
  if (outer.divides && inner.divides) return apply('Div', one(program), apply('Mul', a, b));
  if (outer.divides) return apply('Div', b, a);
  return apply(inner.divides ? 'Div' : 'Mul', a, b);
}

function one(program: Rewriter): number {
  return program.constant([], [1]);
}

/** The node as a tensor and a number, if it is that: float32, and the number does not make the result wider. */
function scaled(program: Rewriter, node: ProgramNode | undefined): Scaled | undefined {
  if (!node || (node.op !== 'Mul' && node.op !== 'Div')) return undefined;
  const [left, right] = node.inputs as [number, number];
  const [a, b] = [program.values[left]!, program.values[right]!];
  if (a.type !== 'float32') return undefined;
  const isNumber = (candidate: typeof a, other: typeof a): boolean =>
    sizeOf(candidate.shape) === 1 && sizeOf(other.shape) > 1 && candidate.rank <= other.rank;
  if (isNumber(b, a)) return { tensor: left, scalar: right, divides: node.op === 'Div' };
  if (node.op === 'Mul' && isNumber(a, b)) return { tensor: right, scalar: left, divides: false };
  return undefined;
}
