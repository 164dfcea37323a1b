import type * as tf from '@tensorflow/tfjs';
import type { Builder } from '../graph/builder';
import { cast } from '../graph/types';
import { sizeOf, type Shape, type Value } from '../graph/value';
import type { LoweringTable } from './registry';
import { pick } from './order';

/** How positions of a resized image relate to those of the image. */
interface Alignment {
  alignCorners: boolean;
  halfPixelCenters: boolean;
}

/**
 * Resizing images [B, H, W, C], and the gradients of it.
 *
 * Both kinds of interpolation are linear maps along one axis after the other, y = M x, so the gradient is
 * M^T dy. Those of TensorFlow.js's cpu backend leave halfPixelCenters out; besides, the bilinear one swaps height
 * and width of the result, and the other one is wrong for all images of a batch but the first.
 *
 * The product carries a NaN in dy to a whole row and column.
 *
 * Both flags at once, which tf.image forbids, are the host's.
 */
export const resizing: LoweringTable = {
  /** Resize is up to three times as fast as products with M, and does not carry a NaN to a whole row and column. */
  ResizeBilinear({ images }, { size, ...alignment }: tf.ResizeBilinearAttrs, graph) {
    const { alignCorners, halfPixelCenters } = alignment;
    if (alignCorners && halfPixelCenters) return null;
    const x = cast(graph, images!, 'float32');
    const shape = resized(x.shape, size);
    if (size[0] === x.shape[1] && size[1] === x.shape[2]) return x;
    const centers = halfPixelCenters ? 'half_pixel' : 'asymmetric';
    const attributes = { mode: 'linear', coordinate_transformation_mode: alignCorners ? 'align_corners' : centers };
    return graph.op('Resize', [x, null, null, graph.ints(shape)], 'float32', shape, attributes);
  },

  ResizeBilinearGrad({ images, dy }, alignment: tf.ResizeBilinearGradAttrs, graph) {
    if (alignment.alignCorners && alignment.halfPixelCenters) return null;
    return gradient(graph, dy!, images!.shape, (from, to) => bilinearWeights(from, to, alignment));
  },

  /** Gather is up to four times as fast as Resize, most of all for many channels. */
  ResizeNearestNeighbor({ images }, { size, ...alignment }: tf.ResizeNearestNeighborAttrs, graph) {
    if (alignment.alignCorners && alignment.halfPixelCenters) return null;
    return SPATIAL_AXES.reduce((value, axis, i) => {
      const from = value.shape[axis]!;
      return from === size[i] ? value : pick(graph, value, nearest(from, size[i]!, alignment), axis);
    }, images!);
  },

  ResizeNearestNeighborGrad({ images, dy }, alignment: tf.ResizeNearestNeighborGradAttrs, graph) {
    const { alignCorners, halfPixelCenters } = alignment;
    if (alignCorners && halfPixelCenters) return null;
    const weights = (from: number, to: number): Float32Array => nearestWeights(from, to, alignment);
    return cast(graph, gradient(graph, dy!, images!.shape, weights, !alignCorners), images!.type);
  },
};

const SPATIAL_AXES = [1, 2];

/** Up to this many copies of each pixel are added as so many slices. */
const MOST_SLICES = 8;

const resized = ([batch, , , channels]: Shape, [height, width]: readonly [number, number]): number[] => [
  batch!,
  height,
  width,
  channels!,
];

/**
 * The gradient with respect to images of a shape.
 *
 * @param weights  the matrix M^T [from, to] of an axis that is resized from `from` to `to`
 * @param repeats  whether to = k from means that each pixel is repeated k times
 */
function gradient(
  graph: Builder,
  dy: Value,
  shape: Shape,
  weights: (from: number, to: number) => Float32Array,
  repeats = false,
): Value {
  return SPATIAL_AXES.reduce(
    (value, axis) => {
      const [from, to] = [shape[axis]!, value.shape[axis]!];
      if (from === to) return value;
      const result = value.shape.map((length, a) => (a === axis ? from : length));
      const outer = sizeOf(result.slice(0, axis));
      const inner = sizeOf(result.slice(axis + 1));
      const copies = to / from;
      if (repeats && Number.isInteger(copies) && copies <= MOST_SLICES) {
        const rows = graph.reshape(value, [outer * from, copies * inner]);
        return graph.reshape(sumOfParts(graph, rows, copies), result);
      }
      const matrix = graph.table('float32', [from, to], weights(from, to));
      return graph.reshape(graph.matMul(matrix, graph.reshape(value, [outer, to, inner])), result);
    },
    cast(graph, dy, 'float32'),
  );
}

/** [N, k M] -> [N, M]. Slices and their sum take down to a third of ReduceSum's time, and two thirds of the product's. */
function sumOfParts(graph: Builder, rows: Value, parts: number): Value {
  const [N, width] = rows.shape as [number, number];
  const M = width / parts;
  const slices = Array.from({ length: parts }, (_, i) => graph.slice(rows, [1], [i * M], [(i + 1) * M]));
  return graph.op('Sum', slices, 'float32', [N, M]);
}

/** Where along an axis of length `from` each of `to` positions lies, before anything is rounded. */
function positions(from: number, to: number, { alignCorners, halfPixelCenters }: Alignment): number[] {
  const ratio = alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
  return Array.from({ length: to }, (_, i) => ratio * (halfPixelCenters ? i + 0.5 : i));
}

function nearest(from: number, to: number, alignment: Alignment): number[] {
  const round = alignment.alignCorners ? Math.round : Math.floor;
  return positions(from, to, alignment).map((position) => Math.min(from - 1, round(position)));
}

function nearestWeights(from: number, to: number, alignment: Alignment): Float32Array {
  const weights = new Float32Array(from * to);
  nearest(from, to, alignment).forEach((source, i) => (weights[source * to + i] = 1));
  return weights;
}

function bilinearWeights(from: number, to: number, alignment: Alignment): Float32Array {
  const weights = new Float32Array(from * to);
  positions(from, to, alignment).forEach((corner, i) => {
    const center = alignment.halfPixelCenters ? corner - 0.5 : corner;
    const position = Math.min(from - 1, Math.max(0, center));
    const lower = Math.floor(position);
    const fraction = position - lower;
    weights[lower * to + i] = 1 - fraction;
    if (fraction > 0) weights[(lower + 1) * to + i] = fraction;
  });
  return weights;
}
