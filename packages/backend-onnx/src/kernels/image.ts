import * as tf from '@tensorflow/tfjs';
import type { Value } from '../graph/value';
import type { Builder } from '../graph/builder';
import type { LoweringTable } from './registry';
import { pick, reverse } from './order';

/**
 * Moving the pixels of images [B, H, W, C] by attributes.
 *
 * CropAndResize and Transform move them by the values of other tensors, with decisions that hang on the last bit
 * of those; they stay on the host, and so do NonMaxSuppression and Draw.
 */
export const image: LoweringTable = {
  FlipLeftRight: ({ image: x }, _, graph) => reverse(graph, x!, 2),

  RotateWithOffset({ image: x }, { radians, fillValue, center }: tf.RotateWithOffsetAttrs, graph) {
    const [B, H, W, C] = x!.shape as [number, number, number, number];
    const sources = rotated(H, W, radians, tf.backend_util.getImageCenter(center, H, W));
    const inside = sources.map((source) => Number(source >= 0));
    const pixels = graph.reshape(x!, [B, H * W, C]);
    const moved = pick(
      graph,
      pixels,
      sources.map((source) => Math.max(0, source)),
      1,
    );
    if (inside.every(Boolean)) return graph.reshape(moved, x!.shape);
    const mask = graph.table('bool', [H * W, 1], Uint8Array.from(inside));
    return graph.reshape(graph.where(mask, moved, fill(graph, x!, fillValue)), x!.shape);
  },
};

/** For each pixel [H W] the number of the one that a rotation puts there, -1 where that is outside. */
function rotated(H: number, W: number, radians: number, [centerX, centerY]: readonly [number, number]): number[] {
  const [sin, cos] = [Math.sin(radians), Math.cos(radians)];
  return Array.from({ length: H * W }, (_, pixel) => {
    const x = (pixel % W) - centerX;
    const y = Math.floor(pixel / W) - centerY;
    const column = Math.round(x * cos - y * sin + centerX);
    const row = Math.round(x * sin + y * cos + centerY);
    return column >= 0 && column < W && row >= 0 && row < H ? row * W + column : -1;
  });
}

/** The colour around the image: one value, or [red, green, blue] with full opacity. */
function fill(graph: Builder, { type, shape }: Value, value: number | readonly number[]): Value {
  if (typeof value === 'number') return graph.scalar(type, value);
  const channels = Array.from({ length: shape[3]! }, (_, channel) => (channel === 3 ? 255 : value[channel]!));
  return graph.constant(type, [channels.length], channels);
}
