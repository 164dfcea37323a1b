import type * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, checkOneOf } from '../check';
import { checkCounts } from './checks';

/** One number for both spatial axes, or one for each: [height, width]. */
export type Pair = number | readonly [number, number];

/** Rows and columns to add: [top, bottom, left, right]. */
export type Sides = readonly [number, number, number, number];

/** How the windows of a convolution lie over the image. */
export interface WindowOptions {
  /** Steps between windows, default 1. */
  stride?: Pair;
  /** Rows and columns to add on each side, one number for all, or 'same' for as large a result as the image; default 0. */
  padding?: number | 'same' | Sides;
  /** Steps between the pixels of a window, default 1. */
  dilation?: Pair;
  /** Whether what is added is 0 ('zeros', the default) or continues the image periodically ('circular'). */
  paddingMode?: 'zeros' | 'circular';
}

/** WindowOptions with everything worked out. */
export interface Window {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly sides: Sides;
  readonly isCircular: boolean;
}

/** @throws RangeError when a number is not of its kind, or 'same' meets a stride */
export function windowOf(where: string, kernel: Pair, options: WindowOptions): Window {
  const { stride = 1, padding = 0, dilation = 1, paddingMode = 'zeros' } = options;
  const [lengths, strides, dilations] = [pair(kernel), pair(stride), pair(dilation)];
  for (const [name, [height, width]] of Object.entries({ kernel: lengths, stride: strides, dilation: dilations })) {
    checkCounts(where, { [name]: height });
    checkCounts(where, { [name]: width });
  }
  if (padding === 'same' && strides.some((step) => step !== 1)) {
    const fix = 'Give the padding as a number.';
    throw new RangeError(argumentMessage(where, 'stride', "be 1 where padding is 'same'", stride, fix));
  }
  const sides = padding === 'same' ? sidesOfSame(lengths, dilations) : sidesOf(padding);
  for (const side of sides) checkNumber(where, 'padding', side, { min: 0, integer: true });
  const isCircular = checkOneOf(where, 'paddingMode', paddingMode, ['zeros', 'circular']) === 'circular';
  return { kernel: lengths, strides, dilations, sides, isCircular };
}

const pair = (value: Pair): readonly [number, number] => (typeof value === 'number' ? [value, value] : value);

const sidesOf = (padding: number | Sides): Sides =>
  typeof padding === 'number' ? [padding, padding, padding, padding] : padding;

/** Where the sum is odd, more goes behind, as in PyTorch. */
function sidesOfSame([k, l]: readonly [number, number], [d, e]: readonly [number, number]): Sides {
  const [rows, columns] = [d * (k - 1), e * (l - 1)];
  return [Math.floor(rows / 2), Math.ceil(rows / 2), Math.floor(columns / 2), Math.ceil(columns / 2)];
}

/** For each spatial axis the number of windows, or undefined where the image is smaller than one. */
export function windowCounts(image: readonly [number, number], window: Window): [number, number] | undefined {
  const { kernel, strides, dilations, sides } = window;
  const counts = image.map((length, i) => {
    const span = dilations[i]! * (kernel[i]! - 1) + 1;
    return Math.floor((length + sides[2 * i]! + sides[2 * i + 1]! - span) / strides[i]!) + 1;
  });
  return counts.every((count) => count > 0) ? (counts as [number, number]) : undefined;
}

/** The form in which tf.conv2d takes padding. */
export function explicitPadding([top, bottom, left, right]: Sides): tf.backend_util.ExplicitPadding {
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}
