import type * as tf from '@tensorflow/tfjs';
import type { LoweringTable } from './registry';
import { pick } from './order';

/** Making tensors larger: by a constant, their mirror image, or repetition. */
export const padding: LoweringTable = {
  PadV2({ x }, { paddings, constantValue }: tf.PadV2Attrs, graph) {
    const [before, after] = sides(paddings);
    return graph.pad(x!, before, after, 'constant', graph.scalar(x!.type, constantValue));
  },

  MirrorPad({ x }, { paddings, mode }: tf.MirrorPadAttrs, graph) {
    const [before, after] = sides(paddings);
    if (mode === 'reflect') return graph.pad(x!, before, after, 'reflect');
    // ONNX has no padding that repeats the edge itself.
    return paddings.reduce((value, [left, right], axis) => {
      if (left === 0 && right === 0) return value;
      return pick(graph, value, mirrored(left, x!.shape[axis]!, right), axis);
    }, x!);
  },

  Tile({ x }, { reps }: tf.TileAttrs, graph) {
    const shape = x!.shape.map((length, axis) => length * reps[axis]!);
    // Expand is up to five times faster than Tile.
    if (reps.every((times, axis) => times === 1 || x!.shape[axis] === 1)) return graph.expand(x!, shape);
    return graph.op('Tile', [x!, graph.ints(reps)], x!.type, shape);
  },
};

function sides(paddings: readonly (readonly [number, number])[]): [before: number[], after: number[]] {
  return [paddings.map(([before]) => before), paddings.map(([, after]) => after)];
}

/** Positions 1 0 | 0 1 2 | 2 1 for (2, 3, 2). */
function mirrored(before: number, length: number, after: number): number[] {
  return Array.from({ length: before + length + after }, (_, i) => {
    const position = i - before;
    if (position < 0) return -1 - position;
    return position < length ? position : 2 * length - 1 - position;
  });
}
