import type { backend_util } from '@tensorflow/tfjs';
import type { Builder } from '../graph/builder';
import type { Value } from '../graph/value';

/** How the windows of a convolution or a pooling lie over the image; each list has one entry for each spatial axis. */
export interface Windows {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding in front. */
  readonly before: readonly number[];
  /** Padding behind; below 0 it counts the pixels that no window reaches. */
  readonly after: readonly number[];
}

/** From what TensorFlow.js works out of strides, padding and rounding; see `areUsual`. */
export function windowsOf(info: backend_util.Conv2DInfo | backend_util.Conv3DInfo): Windows {
  const { padInfo } = info;
  const has = 'inDepth' in info && 'front' in padInfo;
  const list = (depth: number, height: number, width: number): number[] =>
    has ? [depth, height, width] : [height, width];
  const three = info as backend_util.Conv3DInfo;
  const inputs = list(three.inDepth, info.inHeight, info.inWidth);
  const outputs = list(three.outDepth, info.outHeight, info.outWidth);
  const sizes = list(three.filterDepth, info.filterHeight, info.filterWidth);
  const strides = list(three.strideDepth, info.strideHeight, info.strideWidth);
  const dilations = list(three.dilationDepth, info.dilationHeight, info.dilationWidth);
  const before = list(three.padInfo.front, padInfo.top, padInfo.left);
  const after = inputs.map((length, i) => {
    return (outputs[i]! - 1) * strides[i]! + (sizes[i]! - 1) * dilations[i]! + 1 - length - before[i]!;
  });
  return { inputs, outputs, sizes, strides, dilations, before, after };
}

/** The attributes of ONNX's Conv, MaxPool and AveragePool. */
export function windowAttributes({
  sizes,
  strides,
  dilations,
  before,
  after,
}: Windows): Record<string, readonly number[]> {
  return { kernel_shape: sizes, strides, dilations, pads: [...before, ...after.map((count) => Math.max(count, 0))] };
}

/** Whether there are windows and each of them has a pixel of the image. Some padding as a number leads to others. */
export function areUsual({ outputs, sizes, dilations, before, after }: Windows): boolean {
  return outputs.every((length, i) => {
    const span = (sizes[i]! - 1) * dilations[i]! + 1;
    return length > 0 && before[i]! < span && after[i]! < span;
  });
}

export const isPadded = ({ before, after }: Windows): boolean =>
  before.some((count) => count > 0) || after.some((count) => count > 0);

/** The image of some lengths that begins `start` pixels into `whole`; zeros where it reaches further. */
export function cutOut(graph: Builder, whole: Value, start: readonly number[], lengths: readonly number[]): Value {
  const behind = lengths.map((length, i) => length + start[i]! - whole.shape[i + 1]!);
  return padSpatial(
    graph,
    whole,
    start.map((count) => -count),
    behind,
  );
}

/** Padding around the spatial axes of x_NHWC, cut off where it is negative. */
export function padSpatial(
  graph: Builder,
  x: Value,
  before: readonly number[],
  after: readonly number[],
  value?: Value,
): Value {
  const all = (counts: readonly number[]): number[] => [0, ...counts, 0];
  const positive = (counts: readonly number[]): number[] => all(counts.map((count) => Math.max(count, 0)));
  const axes = before.map((_, i) => i + 1);
  const starts = before.map((count) => Math.max(-count, 0));
  const ends = after.map((count, i) => x.shape[i + 1]! - Math.max(-count, 0));
  return graph.pad(graph.slice(x, axes, starts, ends), positive(before), positive(after), 'constant', value);
}

/**
 * x with windows that ONNX takes: as many as fit. TensorFlow.js reckons with the height of filter and stride for the
 * width too if the padding is a number, and may leave out windows that do.
 *
 * @param first  the first spatial axis of x
 */
export function fitted(graph: Builder, x: Value, windows: Windows, first: number): [Value, Windows] {
  const { inputs, strides, before, after } = windows;
  const front = before.map((count) => Math.max(-count, 0));
  const behind = after.map((count, i) => (-count >= strides[i]! ? -count : 0));
  if ([...front, ...behind].every((count) => count === 0)) return [x, windows];
  const axes = inputs.map((_, i) => first + i);
  const ends = inputs.map((length, i) => length - behind[i]!);
  return [
    graph.slice(x, axes, front, ends),
    {
      ...windows,
      inputs: ends.map((end, i) => end - front[i]!),
      before: before.map((count) => Math.max(count, 0)),
      after: after.map((count, i) => count + behind[i]!),
    },
  ];
}

/**
 * dy_NHWC of as many pixels as there are windows: gradients of TensorFlow.js do not hear of its rounding mode, and
 * conv2dTranspose may be asked for fewer.
 */
export function gradientOf(graph: Builder, dy: Value, { outputs }: Windows): Value {
  const missing = outputs.map((length, i) => length - dy.shape[i + 1]!);
  return padSpatial(
    graph,
    graph.cast(dy, 'float32'),
    missing.map(() => 0),
    missing,
  );
}

/**
 * For each place in a window, in row-major order, what all windows have there: [N, ...outputs, C].
 *
 * @param padding  what lies outside the image; default 0
 */
export function tapsOf(graph: Builder, x: Value, windows: Windows, padding?: Value): Value[] {
  const { outputs, sizes, strides, dilations, before, after } = windows;
  const padded = padSpatial(graph, x, before, after, padding);
  const axes = sizes.map((_, i) => i + 1);
  return placesIn(sizes).map((place) => {
    const starts = place.map((index, i) => index * dilations[i]!);
    const ends = starts.map((start, i) => start + (outputs[i]! - 1) * strides[i]! + 1);
    return graph.slice(padded, axes, starts, ends, strides);
  });
}

/** The transpose of `tapsOf`: adds each window's elements at their pixels. */
export function sumOfTaps(graph: Builder, taps: readonly Value[], windows: Windows): Value {
  const { inputs, outputs, sizes, strides, dilations, before } = windows;
  const [batch, channels] = [taps[0]!.shape[0]!, taps[0]!.shape.at(-1)!];
  // Pixels at a distance of a multiple of the stride share a phase: within it, a tap is a shift.
  const lengths = inputs.map((length, i) => Math.ceil((length + before[i]!) / strides[i]!));
  const phases = placesIn(strides).map((phase) => {
    const shifted: Value[] = [];
    placesIn(sizes).forEach((place, tap) => {
      const starts = place.map((index, i) => index * dilations[i]! - phase[i]!);
      const shifts = starts.map((start, i) => start / strides[i]!);
      if (!shifts.every(Number.isInteger)) return;
      const behind = shifts.map((shift, i) => lengths[i]! - shift - outputs[i]!);
      shifted.push(padSpatial(graph, taps[tap]!, shifts, behind));
    });
    if (shifted.length === 0) return graph.fill(taps[0]!.type, [batch, ...lengths, channels], 0);
    return graph.variadic('Sum', shifted);
  });
  const whole = interleave(graph, phases, lengths, strides);
  return padSpatial(
    graph,
    whole,
    before.map((count) => -count),
    inputs.map((length, i) => length + before[i]! - whole.shape[i + 1]!),
  );
}

/**
 * dy_NHWC with its pixels `stride` apart and zeros between them, and windows of stride 1 over it that have at x's pixel
 * what the windows with this pixel gave to dy, in reverse order.
 */
export function spread(graph: Builder, dy: Value, windows: Windows): [Value, Windows] {
  const { inputs, outputs, sizes, strides, before } = windows;
  const [batch, channels] = [dy.shape[0]!, dy.shape.at(-1)!];
  const apart = graph.reshape(dy, [batch, ...outputs.flatMap((length) => [length, 1]), channels]);
  const gaps = [0, ...strides.flatMap((stride) => [0, stride - 1]), 0];
  const lengths = outputs.map((length, i) => length * strides[i]!);
  const padded = graph.pad(
    apart,
    gaps.map(() => 0),
    gaps,
  );
  const spaced = graph.reshape(padded, [batch, ...lengths, channels]);
  const front = sizes.map((size, i) => size - 1 - before[i]!);
  const behind = inputs.map((length, i) => length + before[i]! - lengths[i]!);
  const ones = strides.map(() => 1);
  const stepwise = {
    inputs: lengths,
    outputs: inputs,
    sizes,
    strides: ones,
    dilations: ones,
    before: front,
    after: behind,
  };
  return fitted(graph, spaced, stepwise, 1);
}

/** Images [N, ...lengths, C] for each phase, to one with `strides` times the pixels. */
export function interleave(
  graph: Builder,
  phases: readonly Value[],
  lengths: readonly number[],
  strides: readonly number[],
): Value {
  if (phases.length === 1) return phases[0]!;
  const [batch, channels] = [phases[0]!.shape[0]!, phases[0]!.shape.at(-1)!];
  const stacked = graph.concat(
    phases.map((phase) => graph.reshape(phase, [batch, ...lengths, 1, channels])),
    lengths.length + 1,
  );
  return unfoldPhases(graph, stacked, lengths, strides, channels);
}

/** [N, ...lengths, strides and C in one] to an image [N, ...lengths * strides, C]. */
export function unfoldPhases(
  graph: Builder,
  stacked: Value,
  lengths: readonly number[],
  strides: readonly number[],
  channels: number,
): Value {
  const rank = lengths.length;
  const batch = stacked.shape[0]!;
  if (strides.every((stride) => stride === 1)) return graph.reshape(stacked, [batch, ...lengths, channels]);
  const apart = graph.reshape(stacked, [batch, ...lengths, ...strides, channels]);
  const perm = [0, ...lengths.flatMap((_, i) => [i + 1, i + 1 + rank]), 2 * rank + 1];
  const lengthened = lengths.map((length, i) => length * strides[i]!);
  return graph.reshape(graph.transpose(apart, perm), [batch, ...lengthened, channels]);
}

/** The reverse of `unfoldPhases`: [N, ...lengths * strides, C] to [N, ...lengths, ...strides, C]. */
export function foldPhases(graph: Builder, x: Value, lengths: readonly number[], strides: readonly number[]): Value {
  const rank = lengths.length;
  const apart = graph.reshape(x, [
    x.shape[0]!,
    ...lengths.flatMap((length, i) => [length, strides[i]!]),
    x.shape.at(-1)!,
  ]);
  const odd = lengths.map((_, i) => 2 * i + 1);
  return graph.transpose(apart, [0, ...odd, ...odd.map((axis) => axis + 1), 2 * rank + 1]);
}

/** All index tuples below `lengths`, in row-major order. */
export function placesIn(lengths: readonly number[]): number[][] {
  return lengths.reduce<number[][]>(
    (places, length) => places.flatMap((place) => Array.from({ length }, (_, index) => [...place, index])),
    [[]],
  );
}
