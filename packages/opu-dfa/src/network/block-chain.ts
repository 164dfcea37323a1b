import * as tf from '@tensorflow/tfjs';
import { check, random } from '@tfsci/tensor-core';
import { chooseFeedback, type FeedbackOptions } from '../feedback/feedback-choice';
import type { ActivationName } from './activations';
import type { AffineMap } from './affine-map';
import type { Block } from './block';
import { madeNetwork, type DfaNetwork } from './dfa-network';
import type { LossName } from './losses';
import { forwardPass } from './pass';
import type { TailPart } from './tail';
import { widthsOf } from './update';

const { argumentMessage } = check;

/** Options of what makes networks of models that there are. */
export interface AdapterOptions extends FeedbackOptions {
  /** For the feedback. */
  key: random.KeyOrSeed;
}

/** A block that is being put together. */
interface OpenBlock {
  name: string;
  map: AffineMap;
  activation: ActivationName;
  tail: TailPart[];
}

/** Layers in their order becoming blocks. */
export class BlockChain {
  private readonly entrance: TailPart[] = [];
  private readonly open: OpenBlock[] = [];

  /** A trained layer begins the next block. */
  layer(name: string, map: AffineMap): void {
    this.open.push({ name, map, activation: 'linear', tail: [] });
  }

  /** What has no parameters goes to the block that is open; an activation right after its layer is the block's own. */
  part(part: TailPart): void {
    const block = this.open.at(-1);
    const { description } = part;
    if (description?.kind === 'activation' && description.name === 'linear') return;
    if (block && description?.kind === 'activation' && block.tail.length === 0 && block.activation === 'linear') {
      block.activation = description.name;
    } else {
      (block?.tail ?? this.entrance).push(part);
    }
  }

  /** @throws RangeError when there is no layer that is trained, or the last one is not the end */
  blocks(where: string): Block[] {
    const last = this.open.at(-1);
    if (last === undefined) throw new RangeError(argumentMessage(where, 'the model', 'have a trained layer', 'none'));
    if (last.map.kernel.rank !== 2 || last.activation !== 'linear' || last.tail.length > 0) {
      const wanted = 'end with a dense layer, without activation or with that of the loss';
      const rest = last.tail.map(({ description }) => description?.kind ?? 'a function');
      const found = [last.map.kernel.rank === 2 ? 'dense' : 'convolution', last.activation, ...rest].join(', ');
      throw new RangeError(argumentMessage(where, 'the model', wanted, found));
    }
    return this.open.map(({ tail, ...block }, i): Block => {
      const closed = { ...block, tail: tail.length === 0 ? null : tail };
      return i === 0 && this.entrance.length > 0 ? { ...closed, entrance: this.entrance } : closed;
    });
  }
}

/**
 * A network of blocks whose parameters belong to another model.
 *
 * @param inputShape  of an example, for the widths of hidden layers
 */
export function adaptedNetwork(
  where: string,
  blocks: readonly Block[],
  inputShape: readonly number[],
  loss: LossName,
  options: AdapterOptions,
): DfaNetwork {
  const key = random.asKey(where, options.key);
  const { outputs } = blocks.at(-1)!.map;
  const widths = (): number[] => {
    let found: number[] = [];
    tf.tidy(() => {
      found = widthsOf(forwardPass(blocks, tf.zeros([1, ...inputShape])));
    });
    return found;
  };
  const feedback = chooseFeedback(where, options, key, outputs, widths);
  return madeNetwork({ blocks, loss, ownsParameters: false, ...feedback });
}
