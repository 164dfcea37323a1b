import type { ProgramNode } from '../program';
import { sizeOf, type Shape } from '../value';
import type { Rewriter } from './rewriter';

const OPERATORS = new Set(['Add', 'Sub', 'Mul', 'Div']);

/** ONNX Runtime takes operands that broadcast in runs of neighbouring elements; shorter ones cost more than their work. */
const RUN = 64;
/** How much smaller the wide operand must be than the result, so that widening it is cheap. */
const LEAST_SHARE = 4;

/**
 * Operands that broadcast in short runs, such as statistics of a few channels over all pixels, widened to longer
 * ones: [32, 1024, 4, 2] with [32, 1, 4, 1] becomes [32, 128, 64] with [32, 1, 64], 3 to 9 times as fast.
 */
export function widenBroadcasts(program: Rewriter): void {
  program.forEach((node, place) => {
    if (!OPERATORS.has(node.op)) return;
    const [left, right] = node.inputs as [number, number];
    const { shape } = program.values[node.outputs[0]!]!;
    const isWhole = (value: number): boolean => program.values[value]!.size === sizeOf(shape);
    if (isWhole(left) === isWhole(right)) return;
    const narrow = isWhole(left) ? right : left;
    const wide = wideningOf(shape, program.values[narrow]!.shape);
    if (wide) widen(program, node, place, narrow, wide);
  });
}

/** How two operands are looked at: `whole` is the result's shape, the narrow operand goes from `before` to `after`. */
interface Widening {
  whole: number[];
  before: number[];
  expanded: number[];
  after: number[];
}

function wideningOf(shape: Shape, narrowShape: Shape): Widening | undefined {
  const rank = shape.length;
  const narrow = [...Array.from({ length: rank - narrowShape.length }, () => 1), ...narrowShape];
  if (sizeOf(narrow) === 1 || runOf(shape, narrow) >= RUN) return undefined;
  let axis = rank - 1;
  let inner = 1;
  while (axis > 0 && inner * shape[axis]! < RUN) inner *= shape[axis--]!;
  const part = divisorFrom(Math.ceil(RUN / inner), shape[axis]!);
  const parts = shape[axis]! / part;
  const [outerParts, ownPart] = narrow[axis] === 1 ? [1, 1] : [parts, part];
  const outer = narrow.slice(0, axis);
  const expanded = [...outer, outerParts, part, ...shape.slice(axis + 1)];
  if (sizeOf(expanded) * LEAST_SHARE > sizeOf(shape)) return undefined;
  return {
    whole: [...shape.slice(0, axis), parts, part * inner],
    before: [...outer, outerParts, ownPart, ...narrow.slice(axis + 1)],
    expanded,
    after: [...outer, outerParts, part * inner],
  };
}

/** Elements in a row that are all matched, or all matched with one. */
function runOf(shape: Shape, narrow: Shape): number {
  let run = 1;
  let matches: boolean | undefined;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 1) continue;
    const same = narrow[axis] === shape[axis];
    if (matches !== undefined && same !== matches) break;
    matches = same;
    run *= shape[axis]!;
  }
  return run;
}

/** The least divisor that is not below `least`. */
function divisorFrom(least: number, length: number): number {
  for (let divisor = least; divisor < length; divisor++) if (length % divisor === 0) return divisor;
  return length;
}

function widen(program: Rewriter, node: ProgramNode, place: number, narrow: number, wide: Widening): void {
  const view = (value: number, shape: readonly number[]): number => program.reshapeBefore(place, value, shape);
  const { type } = program.values[narrow]!;
  const target = program.ints(wide.expanded);
  const expanded = program.insertBefore(place, 'Expand', [view(narrow, wide.before), target], type, wide.expanded);
  const after = view(expanded, wide.after);
  const inputs = node.inputs.map((input) => (input === narrow ? after : view(input, wide.whole)));
  const result = program.insertBefore(place, node.op, inputs, type, wide.whole);
  const { shape } = program.values[node.outputs[0]!]!;
  program.replace(place, {
    op: 'Reshape',
    domain: '',
    attributes: {},
    inputs: [result, program.ints(shape)],
    outputs: node.outputs,
  });
}
