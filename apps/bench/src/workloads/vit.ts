// B = 1 picture, D width, P patches a side, T = 1 + P^2 tokens.
import * as tf from '@tensorflow/tfjs';
import { jit } from '@tfsci/tensor-core';
import { layerNorm, linear } from '../models/layers';
import { Parameters } from '../models/parameters';
import { transformerBlock } from '../models/transformer-block';
import { uniform } from '../values';
import { workload } from '../workload';

interface Sizes {
  image: number;
  patch: number;
  width: number;
  layers: number;
  heads: number;
  classes: number;
}

export const vitSmall = workload<Sizes>({
  name: 'vit-small',
  title: 'Vision transformer, inference',
  describe: ({ image, patch, width, layers, heads, classes }) =>
    `ViT, patches of ${patch}x${patch}, width ${width}, ${layers} layers, ${heads} heads, class token, ` +
    `${classes} classes; forward pass of one ${image}x${image}x3 picture`,
  gives: 'output',
  peer: 'vit',
  peerVariants: ['plain', 'frozen'],
  affordableOnWasm: true,
  sizes: {
    full: { image: 224, patch: 16, width: 384, layers: 12, heads: 6, classes: 1000 },
    tiny: { image: 16, patch: 4, width: 16, layers: 2, heads: 2, classes: 5 },
  },
  make({ image, patch, width, layers, heads, classes }) {
    const patches = (image / patch) ** 2;
    const tokens = patches + 1;
    const parameters = new Parameters();
    const embedding = parameters.convolution('patches', patch, 3, width);
    const classToken = parameters.table('class_token', 1, width);
    const positions_TD = parameters.table('positions', tokens, width);
    const blocks = Array.from({ length: layers }, (_, i) =>
      transformerBlock(parameters, `blocks.${i}`, { width, heads, batch: 1, tokens }),
    );
    const norm = parameters.norm(width);
    const head = parameters.linear('head', width, classes);

    const forward = jit((picture: tf.Tensor4D) =>
      tf.tidy(() => {
        const embedded = tf.conv2d(picture, embedding.weight, patch, 'valid').add(embedding.bias);
        let h_TD = tf
          .concat2d([classToken, embedded.reshape<tf.Tensor2D>([patches, width])], 0)
          .add<tf.Tensor2D>(positions_TD);
        for (const block of blocks) h_TD = block(h_TD);
        return linear(layerNorm(h_TD.slice([0, 0], [1, width]), norm), head);
      }),
    );

    const picture = tf.tensor4d(uniform('picture', image * image * 3, Math.sqrt(3)), [1, image, image, 3]);
    return { step: () => forward(picture) };
  },
});
