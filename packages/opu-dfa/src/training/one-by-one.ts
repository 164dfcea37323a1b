// N units of a hidden layer.
import * as tf from '@tensorflow/tfjs';
import { check, scope, type train } from '@tfsci/tensor-core';
import type { DfaNetwork } from '../network/dfa-network';
import { forwardPass, type Pass } from '../network/pass';
import { widthsOf } from '../network/update';
import type { Examples } from './poisson-sampler';

const { argumentMessage } = check;

/** Rounding of a forward pass in float32, relative to the largest output; statistics of a batch change far more. */
const ROUNDING = 1e-3;

/**
 * N_l of the hidden layers, from the first and the last example.
 *
 * @throws RangeError when the network says another thing of an example for the company it is in, as one that normalises
 *   batches does: then one example moves what is done for the others, and clipping bounds nothing
 */
export async function widthsOfExamples(
  where: string,
  network: DfaNetwork,
  dataset: train.Dataset<Examples>,
): Promise<number[]> {
  return scope(async (own) => {
    const { x } = own(await dataset.batch(Int32Array.of(0, dataset.size - 1)));
    let widths: number[] = [];
    const run = (input: tf.Tensor): Pass => forwardPass(network.blocks, input);
    const [together, alone] = own(
      tf.tidy((): [tf.Tensor, tf.Tensor] => {
        const pass = run(x);
        widths = widthsOf(pass);
        const one = [1, ...x.shape.slice(1)];
        return [
          pass.logits.slice([0, 0], [1, -1]),
          run(
            x.slice(
              x.shape.map(() => 0),
              one,
            ),
          ).logits,
        ];
      }),
    );
    const [first, second] = [await together.data<'float32'>(), await alone.data<'float32'>()];
    const scale = first.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (first.some((value, i) => Math.abs(value - second[i]!) > ROUNDING * scale)) {
      const fix = 'Normalise by group or layer instead of by batch.';
      throw new RangeError(argumentMessage(where, 'network', 'treat examples one by one', 'batches', fix));
    }
    return widths;
  });
}
