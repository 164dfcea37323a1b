// B batch, L tokens, D width.
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { scaleNumbers } from '../model/number-embedding';

const { argumentMessage, checkNumber, checkShape } = check;

const WHERE = 'xval.NumberEmbedding';

type LayerArgs = Exclude<ConstructorParameters<typeof tf.layers.Layer>[0], undefined>;

/** Options of `NumberEmbedding`, beside those of every layer (name, trainable, ...). */
export interface NumberEmbeddingConfig extends Omit<LayerArgs, 'weights'> {
  /** V. */
  vocabSize: number;
  /** D. */
  width: number;
  /** Id of [NUM], default 3, as tokenizers of new vocabularies have it. */
  numberId?: number;
  /** Longest sequence, for embeddings of positions that are learned and added; default 0, none. */
  context?: number;
  /** Of the initial weights, which are normal with mean 0 and standard deviation 1; default: others each time. */
  seed?: number;
}

/**
 * xVal's embedding as a layer of tf.LayersModel: ids [B, L] and values [B, L] to [B, L, D].
 *
 *   h_t = num_t E[ids_t] + P[t] where ids_t = [NUM],  E[ids_t] + P[t] elsewhere
 *
 * Its weights are `tokens` [V, D] and, with a context, `positions` [context, D]. Importing this module registers the class,
 * for tf.loadLayersModel.
 *
 * @throws RangeError for options outside their ranges; when it is used: ShapeError unless both inputs are [B, L],
 *   RangeError for more tokens than the context
 * @see Golkar et al., 2023, sec. 2, arXiv:2310.02989
 * @example
 * const inputs = [tf.input({ shape: [L], dtype: 'int32' }), tf.input({ shape: [L] })];
 * const hidden = new NumberEmbedding({ vocabSize: tokenizer.vocabSize, width: 32 }).apply(inputs);
 */
export class NumberEmbedding extends tf.layers.Layer {
  static readonly className = 'NumberEmbedding';
  private readonly own: Required<Omit<NumberEmbeddingConfig, keyof LayerArgs | 'seed'>> & { seed: number | null };
  private tokens: tf.LayerVariable | null = null;
  private positions: tf.LayerVariable | null = null;

  constructor(config: NumberEmbeddingConfig) {
    const { vocabSize, width, numberId = 3, context = 0, seed = null, ...others } = config;
    super(others);
    checkNumber(WHERE, 'vocabSize', vocabSize, { min: 1, integer: true });
    checkNumber(WHERE, 'width', width, { min: 1, integer: true });
    checkNumber(WHERE, 'numberId', numberId, { min: 0, below: vocabSize, integer: true });
    checkNumber(WHERE, 'context', context, { min: 0, integer: true });
    if (seed !== null) checkNumber(WHERE, 'seed', seed, { integer: true });
    this.own = { vocabSize, width, numberId, context, seed };
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const { vocabSize, width, context, seed } = this.own;
    const normal = (offset: number): ReturnType<typeof tf.initializers.randomNormal> =>
      tf.initializers.randomNormal({ mean: 0, stddev: 1, ...(seed !== null && { seed: seed + offset }) });
    this.tokens = this.addWeight('tokens', [vocabSize, width], 'float32', normal(0));
    if (context > 0) this.positions = this.addWeight('positions', [context, width], 'float32', normal(1));
    super.build(inputShape);
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const [ids_BL] = inputShape as tf.Shape[];
    return [...ids_BL!, this.own.width];
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Parameters<tf.layers.Layer['call']>[1]): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      if (!Array.isArray(inputs) || inputs.length !== 2) {
        throw new check.ShapeError(argumentMessage(WHERE, 'inputs', 'be ids and values', inputs));
      }
      const [ids_BL, values_BL] = inputs as [tf.Tensor, tf.Tensor];
      checkShape(WHERE, 'ids', ids_BL, [null, null]);
      checkShape(WHERE, 'values', values_BL, ids_BL.shape);
      const ids = ids_BL.toInt();
      const embedded_BLD = scaleNumbers(tf.gather(this.tokens!.read(), ids), ids, values_BL, this.own.numberId);
      if (this.positions === null) return embedded_BLD;
      const [, L] = ids.shape as [number, number];
      const { context } = this.own;
      if (L > context) {
        throw new RangeError(argumentMessage(WHERE, 'ids', `have at most ${context} tokens, the context`, L));
      }
      return embedded_BLD.add(this.positions.read().slice([0, 0], [L, -1]));
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { seed, ...own } = this.own;
    return { ...super.getConfig(), ...own, ...(seed !== null && { seed }) };
  }
}

tf.serialization.registerClass(NumberEmbedding);
