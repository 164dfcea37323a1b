import { MICROSOFT } from '../graph/builder';
import type { Model, ModelNode } from '../onnx/model';

/** A node of ONNX Runtime's own operators in those of ONNX; `name` makes names for what is between. */
type Rewrite = (node: ModelNode, rankOf: (value: string) => number, name: (part: string) => string) => ModelNode[];

const REWRITES: Record<string, Rewrite> = {
  /** A product over the last two axes, either operand transposed there. */
  FusedMatMul({ attributes, inputs, outputs }, rankOf, name) {
    const nodes: ModelNode[] = [];
    const operands = (['transA', 'transB'] as const).map((flag, i) => {
      const input = inputs[i]!;
      if (attributes[flag] !== 1) return input;
      const rank = rankOf(input);
      const perm = Array.from({ length: rank }, (_, axis) => axis);
      [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
      nodes.push({ op: 'Transpose', domain: '', attributes: { perm }, inputs: [input], outputs: [name(flag)] });
      return name(flag);
    });
    return [...nodes, { op: 'MatMul', domain: '', attributes: {}, inputs: operands, outputs }];
  },
};

/**
 * The model without operators that only ONNX Runtime knows.
 *
 * @param rankOf  rank of a named value of the model
 * @throws Error when an operator has no counterpart
 */
export function standardized(model: Model, rankOf: (value: string) => number): Model {
  let made = 0;
  const nodes = model.nodes.flatMap((node) => {
    if (node.domain === '') return [node];
    const rewrite = node.domain === MICROSOFT ? REWRITES[node.op] : undefined;
    if (!rewrite) throw new Error(`backend-onnx.toOnnx: ${node.op} must have a counterpart in ONNX, and has none.`);
    const number = made++;
    return rewrite(node, rankOf, (part) => `${node.op}${number}_${part}`);
  });
  return { ...model, nodes };
}
