import * as tf from '@tensorflow/tfjs';
import { check, train } from '@tfsci/tensor-core';
import type { Examples } from './poisson-sampler';

const { argumentMessage, describeValue } = check;

/** Data to train on: columns in memory, or a data set of one's own. */
export interface PrivateData {
  /** Inputs [N, ...]; with y. */
  x?: train.Column;
  /** Targets [N, C], or labels int32 [N]. */
  y?: train.Column;
  /** Instead of x and y. */
  data?: train.Dataset<Examples>;
}

/** @throws TypeError unless there are x and y, or data; ShapeError when x and y have different lengths */
export function datasetOf(where: string, { x, y, data }: PrivateData): train.Dataset<Examples> {
  if (data !== undefined && x === undefined && y === undefined) return data;
  if (data === undefined && x !== undefined && y !== undefined) return train.arrays({ x, y });
  const given = Object.entries({ x, y, data }).filter(([, value]) => value !== undefined);
  const names = given.map(([name]) => name).join(', ');
  throw new TypeError(argumentMessage(where, 'options', 'have x and y, or data', names));
}

/**
 * Looks at columns before they are trained on.
 *
 * @param outputs  C, the number of classes
 * @throws RangeError for numbers that are not finite, or labels that are no classes
 */
export async function checkColumns(where: string, { x, y }: PrivateData, outputs: number): Promise<void> {
  for (const [name, column] of Object.entries({ x, y })) {
    if (column === undefined) continue;
    const isTensor = column instanceof tf.Tensor;
    const values = isTensor ? await column.data() : column.data;
    const areLabels = name === 'y' && column.shape.length === 1;
    const isGood = areLabels
      ? (value: number) => Number.isInteger(value) && value >= 0 && value < outputs
      : Number.isFinite;
    const at = values.findIndex((value: number) => !isGood(value));
    if (at < 0) continue;
    const wanted = areLabels ? `be 0 .. ${outputs - 1}` : 'be finite';
    throw new RangeError(`${where}: ${name} must ${wanted}, got ${describeValue(values[at])} at entry ${at}.`);
  }
}
