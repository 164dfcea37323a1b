import * as tf from '@tensorflow/tfjs';
import { deviceRows } from '../src/transport/device-rows';
import type * as RowCosts from '../src/transport/row-costs';

/** Whether costs are found by kernels although values can be read, as on a graphics card. */
export const kernels = { alone: false };

/**
 * What stands in for src/transport/row-costs.ts, for the switch to work.
 *
 * @example
 * vi.mock('../src/transport/row-costs', switchedRowCosts);
 */
export async function switchedRowCosts(original: <T>() => Promise<T>): Promise<typeof RowCosts> {
  const { rowCosts } = await original<typeof RowCosts>();
  return {
    rowCosts: (...args) => (kernels.alone ? tf.tidy(() => deviceRows(...args)) : rowCosts(...args)),
  };
}
