// B batch, T tokens, D width, V vocabulary, N = B T.
import * as tf from '@tensorflow/tfjs';
import { layerNorm, linear } from '../models/layers';
import { Parameters } from '../models/parameters';
import { trainingStep } from '../models/training-step';
import { transformerBlock } from '../models/transformer-block';
import { integers } from '../values';
import { workload, type Definition, type Workload } from '../workload';

interface Sizes {
  width: number;
  layers: number;
  heads: number;
  tokens: number;
  batch: number;
  vocabulary: number;
}

const TINY: Sizes = { width: 16, layers: 2, heads: 2, tokens: 8, batch: 2, vocabulary: 11 };

function transformer(
  name: string,
  title: string,
  full: Sizes,
  options: Pick<Definition<Sizes>, 'affordableOnWasm'>,
): Workload {
  return workload({
    name,
    title,
    describe: ({ width, layers, heads, tokens, batch, vocabulary }) =>
      `decoder-only transformer, width ${width}, ${layers} layers, ${heads} heads, ${tokens} tokens, batch ${batch}, ` +
      `vocabulary ${vocabulary}; cross entropy, Adam step`,
    gives: 'loss',
    peer: 'transformer',
    sizes: { full, tiny: TINY },
    make,
    ...options,
  });
}

export const transformerSmall = transformer(
  'transformer-small',
  'Small transformer, training',
  { width: 128, layers: 2, heads: 4, tokens: 128, batch: 16, vocabulary: 64 },
  { affordableOnWasm: true },
);

export const transformerLarge = transformer(
  'transformer-large',
  'Larger transformer, training',
  { width: 512, layers: 6, heads: 8, tokens: 256, batch: 4, vocabulary: 64 },
  { affordableOnWasm: false },
);

function make({ width, layers, heads, tokens, batch, vocabulary }: Sizes) {
  const parameters = new Parameters();
  const embedding_VD = parameters.table('embedding.weight', vocabulary, width);
  const positions_TD = parameters.table('positions', tokens, width);
  const blocks = Array.from({ length: layers }, (_, i) =>
    transformerBlock(parameters, `blocks.${i}`, { width, heads, batch, tokens }),
  );
  const norm = parameters.norm(width);
  const head = parameters.linear('head', width, vocabulary);
  const mask_TT = causalMask(tokens);

  const loss = (inputs_BT: tf.Tensor2D, targets_N: tf.Tensor1D): tf.Scalar => {
    const embedded_BTD = tf.gather(embedding_VD, inputs_BT).add(positions_TD);
    let h_ND: tf.Tensor2D = embedded_BTD.reshape([batch * tokens, width]);
    for (const block of blocks) h_ND = block(h_ND, mask_TT);
    const logits_NV = linear(layerNorm(h_ND, norm), head);
    return tf.losses.softmaxCrossEntropy(tf.oneHot(targets_N, vocabulary), logits_NV);
  };

  // Of each line of text the next token is to be told.
  const text = tf.tensor2d(integers('text', batch * (tokens + 1), vocabulary), [batch, tokens + 1]);
  const inputs_BT = text.slice([0, 0], [batch, tokens]);
  const targets_N: tf.Tensor1D = text.slice([0, 1], [batch, tokens]).reshape([batch * tokens]);
  return trainingStep(parameters, tf.train.adam(1e-3), loss, [inputs_BT, targets_N]);
}

/** 0 where a token may look, itself and those before; elsewhere what softmax makes 0. */
function causalMask(tokens: number): tf.Tensor2D {
  return tf.tidy(() => {
    const order = tf.range(0, tokens);
    return order.expandDims(0).greater(order.expandDims(1)).mul(-1e9);
  });
}
