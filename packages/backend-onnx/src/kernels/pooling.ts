import * as tf from '@tensorflow/tfjs';
import type { Builder } from '../graph/builder';
import type { Value } from '../graph/value';
import { toChannelsFirst, toChannelsLast } from './image-layout';
import type { LoweringTable } from './registry';
import { areUsual, fitted, tapsOf, windowAttributes, windowsOf, type Windows } from './windows';

/**
 * The largest and the mean of each window. Gradients are in pooling-gradients.ts.
 *
 * TensorFlow.js leaves NaN out of a maximum; here a window with a NaN may give that or another of its pixels, as
 * ONNX Runtime does: to look for them would double the time.
 */
export const pooling: LoweringTable = {
  MaxPool: ({ x }, attributes: tf.MaxPoolAttrs, graph) => maximum(graph, x!, windowsOf2D(x!, attributes)),
  MaxPool3D: ({ x }, attributes: tf.MaxPool3DAttrs, graph) => maximum(graph, x!, windowsOf3D(x!, attributes)),
  AvgPool: ({ x }, attributes: tf.AvgPoolAttrs, graph) => mean(graph, x!, windowsOf2D(x!, attributes)),
  AvgPool3D: ({ x }, attributes: tf.AvgPool3DAttrs, graph) => mean(graph, x!, windowsOf3D(x!, attributes)),

  /** Gives the places of the largest too, as indices into [H, W, C] or [N, H, W, C]. */
  MaxPoolWithArgmax({ x }, attributes: tf.MaxPoolWithArgmaxAttrs, graph) {
    const windows = windowsOf2D(x!, { dimRoundingMode: undefined, ...attributes });
    if (x!.type !== 'float32' || !areUsual(windows)) return null;
    const [batch, height, width, channels] = x!.shape as [number, number, number, number];
    const shape = [batch, channels, ...windows.outputs];
    // A NaN is never the largest; ONNX Runtime takes it for that at the window's start.
    const comparable = graph.where(graph.equal(x!, x!), x!, graph.scalar('float32', -Infinity));
    const [largest, places] = graph.multi(
      'MaxPool',
      [toChannelsFirst(graph, comparable)],
      [
        ['float32', shape],
        ['int64', shape],
      ],
      windowAttributes(windows),
    ) as [Value, Value];
    // Indices into [N, C, H, W]; what is left of them modulo H W is the pixel.
    const pixel = graph.binary('Mod', toChannelsLast(graph, places), graph.ints([height * width]));
    const channel = graph.table(
      'int32',
      [channels],
      Int32Array.from({ length: channels }, (_, i) => i),
    );
    const inImage = graph.add(graph.cast(graph.mul(pixel, graph.ints([channels])), 'int32'), channel);
    if (!attributes.includeBatchInIndex) return [toChannelsLast(graph, largest), inImage];
    const size = height * width * channels;
    const image = graph.table(
      'int32',
      [batch, 1, 1, 1],
      Int32Array.from({ length: batch }, (_, i) => i * size),
    );
    return [toChannelsLast(graph, largest), graph.add(inImage, image)];
  },
};

export interface PoolAttributes {
  filterSize: number | number[];
  strides: number | number[];
  pad: unknown;
  dimRoundingMode?: 'floor' | 'round' | 'ceil' | undefined;
}

export function windowsOf2D(x: Value, { filterSize, strides, pad, dimRoundingMode }: PoolAttributes): Windows {
  return windowsOf(
    tf.backend_util.computePool2DInfo(
      x.shape as [number, number, number, number],
      filterSize as [number, number],
      strides as [number, number],
      1,
      pad as 'same',
      dimRoundingMode,
    ),
  );
}

export function windowsOf3D(x: Value, { filterSize, strides, pad, dimRoundingMode }: PoolAttributes): Windows {
  return windowsOf(
    tf.backend_util.computePool3DInfo(
      x.shape as [number, number, number, number, number],
      filterSize as [number, number, number],
      strides as [number, number, number],
      1,
      pad as 'same',
      dimRoundingMode,
    ),
  );
}

/** TensorFlow.js takes windows of one pixel for the image itself whenever the lengths agree, wherever they lie. */
function isIdentity({ inputs, outputs, sizes }: Windows): boolean {
  return sizes.every((size, i) => size === 1 && inputs[i] === outputs[i]);
}

function maximum(graph: Builder, x: Value, windows: Windows): Value | null {
  if (isIdentity(windows)) return x;
  if (x.type === 'bool' || !areUsual(windows)) return null;
  if (x.type === 'float32') return pooled(graph, 'MaxPool', x, windows);
  return graph.variadic('Max', tapsOf(graph, x, windows, graph.scalar(x.type, -(2 ** 31))));
}

function mean(graph: Builder, x: Value, windows: Windows): Value | null {
  if (isIdentity(windows)) return x;
  return x.type === 'float32' && areUsual(windows) ? pooled(graph, 'AveragePool', x, windows) : null;
}

export function pooled(
  graph: Builder,
  op: 'MaxPool' | 'AveragePool',
  image: Value,
  windowsOfImage: Windows,
  attributes: Record<string, number> = {},
): Value {
  const [x, windows] = fitted(graph, image, windowsOfImage, 1);
  const shape = [x.shape[0]!, x.shape.at(-1)!, ...windows.outputs];
  const all = { ...windowAttributes(windows), ...attributes };
  return toChannelsLast(graph, graph.op(op, [toChannelsFirst(graph, x)], x.type, shape, all));
}
