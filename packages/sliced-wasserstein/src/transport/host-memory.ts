import * as tf from '@tensorflow/tfjs';
import { random } from '@tfsci/tensor-core';

type Shape = [number, number];

/** Two tensors of what `fill` writes into zeros: into the memory of the backend where it lends it, which saves copies. */
export function filledTensors(
  shapeX: Shape,
  shapeY: Shape,
  fill: (out: { x: Float32Array; y: Float32Array }) => void,
): { x: tf.Tensor2D; y: tf.Tensor2D } {
  const backend = tf.backend();
  if (random.takesHostInput(backend)) {
    let ofY: tf.Tensor | undefined;
    const ofX = backend.hostInput(shapeX, 'float32', (x: Float32Array) => {
      ofY = backend.hostInput(shapeY, 'float32', (y: Float32Array) => fill({ x, y }));
    });
    return { x: ofX as tf.Tensor2D, y: ofY as tf.Tensor2D };
  }
  const out = { x: new Float32Array(shapeX[0] * shapeX[1]), y: new Float32Array(shapeY[0] * shapeY[1]) };
  fill(out);
  return { x: tf.tensor2d(out.x, shapeX), y: tf.tensor2d(out.y, shapeY) };
}
