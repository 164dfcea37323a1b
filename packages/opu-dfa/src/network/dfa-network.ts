// M examples, C outputs.
import * as tf from '@tensorflow/tfjs';
import { check, scope, tensorsIn, type random } from '@tfsci/tensor-core';
import type { Feedback } from '../feedback/feedback';
import { tidied } from '../tidied';
import type { Block } from './block';
import { LOSS_NAMES, lossOf, predictionOf, targetsOf, type LossName } from './losses';
import { backpropagatedDeltas, forwardPass, gradientsOf } from './pass';
import { deltasOf, outward, updateInputs, updateKeys, widthsOf, type Outward } from './update';
import { checkUpdate, type CompleteUpdate, type UpdateOptions } from './update-options';

const { argumentMessage, BackendError, checkOneOf, ShapeError } = check;

const WHERE = 'opu-dfa.DfaNetwork';

/** What is made of the two halves of an update: of the pass and error, and of what the feedback made of it. */
type Finish<T> = (half: Outward, signals: readonly tf.Tensor2D[] | null) => T;

/** What a network is made of. */
export interface NetworkParts {
  /** The trained layers, in order; the last one has a linear activation and no tail. */
  blocks: readonly Block[];
  loss: LossName;
  /** How errors come to the hidden layers; null for a network without hidden layers, or for back-propagation alone. */
  feedback: Feedback | null;
  /** Whether `dispose` ends the parameters too, default true; false where they belong to another model. */
  ownsParameters?: boolean;
  /** Whether `dispose` ends the feedback too, default true; false where several networks share it. */
  ownsFeedback?: boolean;
}

/** A loss and what to do about it. */
export interface NetworkGradients {
  /** Mean over the examples, []. */
  loss: tf.Scalar;
  /** Of the mean loss, by the names of the tf.Variables, as `tf.Optimizer.applyGradients` takes them. */
  gradients: tf.NamedTensorMap;
}

/**
 * A network that learns by direct feedback alignment: the error at the output goes to each hidden layer through a fixed
 * random projection, not back through the weights.
 *
 *   z^l = h^(l-1) W^l + b^l,  h^l = phi(z^l),  e = prediction - target
 *   delta^L = e,  delta^l = (e B^l) * phi'(z^l)
 *   gradients of the mean loss:  gW^l = h^(l-1)T delta^l / M,  gb^l = mean of delta^l
 *
 * Make one with `denseNetwork`, `networkFromLayersModel` or `networkFromModules`.
 *
 * @see Ohana et al., 2021, arXiv:2106.03645; Noekland, 2016, arXiv:1609.01596
 */
export class DfaNetwork {
  readonly blocks: readonly Block[];
  readonly loss: LossName;
  readonly feedback: Feedback | null;
  private readonly ownsParameters: boolean;
  private readonly ownsFeedback: boolean;

  /**
   * @throws RangeError when the last block is not linear and dense, or blocks share a name or parameters; ShapeError when
   *   the feedback is of other outputs
   */
  constructor({ blocks, loss, feedback, ownsParameters = true, ownsFeedback = true }: NetworkParts) {
    checkBlocks(blocks);
    checkOneOf(WHERE, 'loss', loss, LOSS_NAMES);
    this.blocks = blocks;
    this.loss = loss;
    this.feedback = feedback;
    this.ownsParameters = ownsParameters;
    this.ownsFeedback = ownsFeedback;
    if (feedback && feedback.outputs !== this.outputs) {
      const wanted = `be ${this.outputs}, as the network has`;
      throw new ShapeError(argumentMessage(WHERE, 'feedback.outputs', wanted, feedback.outputs));
    }
  }

  /** The parameters by name, in the order of the layers; for `train.fit` and checkpoints. */
  get parameters(): Record<string, tf.Variable> {
    const named = this.blocks.flatMap(({ name, map }): [string, tf.Variable][] => [
      [`${name}.weight`, map.kernel],
      ...(map.bias ? [[`${name}.bias`, map.bias] as [string, tf.Variable]] : []),
    ]);
    return Object.fromEntries(named);
  }

  /** C, how many numbers the network says of an example. */
  get outputs(): number {
    return this.blocks.at(-1)!.map.outputs;
  }

  /**
   * The network's z^L.
   *
   * @param x  [M, ...]
   * @returns [M, C]
   * @throws ShapeError when x does not fit
   */
  logits(x: tf.Tensor): tf.Tensor2D {
    return tf.tidy(() => forwardPass(this.blocks, x).logits);
  }

  /** Probabilities, or values with the loss 'meanSquared', [M, C]. @throws as `logits` */
  predict(x: tf.Tensor): tf.Tensor2D {
    return tf.tidy(() => predictionOf(this.loss, this.logits(x)));
  }

  /** The losses of the examples, [M]. @throws as `logits`; ShapeError when y does not fit */
  losses(x: tf.Tensor, y: tf.Tensor): tf.Tensor1D {
    return tf.tidy(() => lossOf(this.loss, this.logits(x), this.targets('losses', x, y)));
  }

  /**
   * The mean loss of a batch and its gradients, exact or by feedback.
   *
   * Works in `jit`.
   *
   * @param x  [M, ...]
   * @param y  targets [M, C], or labels int32 [M]
   * @throws ShapeError when shapes do not fit, RangeError, TypeError for bad options and for 'dfa' with a
   *   feedback that takes ternary codes alone, BackendError when the feedback is a
   *   device that answers later: see `gradientsAsync`
   */
  gradients(x: tf.Tensor, y: tf.Tensor, options: UpdateOptions = {}): NetworkGradients {
    const update = checkUpdate(`${WHERE}.gradients`, options);
    return this.atOnce('gradients', x, y, update, (half, signals) => this.inward(half, signals, update));
  }

  /** The same with any feedback, also one that answers later. @throws as `gradients` */
  async gradientsAsync(x: tf.Tensor, y: tf.Tensor, options: UpdateOptions = {}): Promise<NetworkGradients> {
    const update = checkUpdate(`${WHERE}.gradientsAsync`, options);
    return this.later('gradientsAsync', x, y, update, (half, signals) => this.inward(half, signals, update));
  }

  /**
   * How well updates by feedback point along the gradient: the cosine of the angle between the two, for the weights of
   * each hidden layer. 0.5 to 0.8 is usual for dense networks after a few epochs; 0 where either is zero.
   *
   * @throws as `gradients`
   */
  async alignment(x: tf.Tensor, y: tf.Tensor, options: UpdateOptions = {}): Promise<number[]> {
    const update = checkUpdate(`${WHERE}.alignment`, options);
    return scope(async (own) => {
      const cosines = await this.later('alignment', x, y, update, (half, signals) =>
        this.blocks.length === 1 ? null : tf.stack(this.cosines(half, signals, update)),
      );
      return cosines === null ? [] : [...(await own(cosines).data())];
    });
  }

  /** @internal Both halves of an update in a tidy, for feedback that answers at once. */
  atOnce<T>(method: string, x: tf.Tensor, y: tf.Tensor, update: CompleteUpdate, finish: Finish<T>): T {
    return tidied(() => {
      const half = this.outward(method, x, y, update);
      return finish(half, this.signals(half, update.key));
    });
  }

  /** @internal The same with any feedback. */
  later<T>(method: string, x: tf.Tensor, y: tf.Tensor, update: CompleteUpdate, finish: Finish<T>): Promise<T> {
    return scope(async (own) => {
      // A copy of x: what is owned here is disposed.
      const half = tidied(() => this.outward(method, x.clone(), y, update));
      own(tensorsIn(half));
      const projected = half.code && this.project(half, update.key);
      const signals = projected && own(await projected);
      return tidied(() => finish(half, signals));
    });
  }

  /** @internal Forward pass, errors and codes; call it in a tidy. @throws RangeError for 'dfa' through mirrors */
  outward(method: string, x: tf.Tensor, y: tf.Tensor, update: CompleteUpdate): Outward {
    if (update.mode === 'dfa' && this.feedback?.ternaryOnly) {
      const wanted = "be 'ternary' where errors are shown on mirrors";
      throw new RangeError(argumentMessage(`${WHERE}.${method}`, 'mode', wanted, update.mode));
    }
    return outward(this.blocks, this.loss, x, this.targets(method, x, y), update);
  }

  /** @internal What the feedback makes of the codes, at once. @throws BackendError when it answers later */
  signals(half: Outward, key: random.Key): tf.Tensor2D[] | null {
    if (half.code === null) return null;
    if (this.feedback?.compiles === false) {
      const wanted = 'be made of tensor operations where gradients are wanted at once';
      const fix = 'Await gradientsAsync instead.';
      throw new BackendError(argumentMessage(`${WHERE}.gradients`, 'feedback', wanted, 'a device', fix));
    }
    return this.project(half, key) as tf.Tensor2D[];
  }

  /** @internal What the feedback makes of the codes. */
  project({ code, pass }: Outward, key: random.Key): tf.Tensor2D[] | Promise<tf.Tensor2D[]> {
    if (this.feedback !== null) return this.feedback.signals(code!, widthsOf(pass), updateKeys(key).projection);
    const wanted = "be given where the mode is 'dfa' or 'ternary'";
    throw new RangeError(argumentMessage(WHERE, 'feedback', wanted, null));
  }

  /** Disposes the parameters and the feedback that belong to the network; a second call does nothing. */
  dispose(): void {
    if (this.ownsFeedback) this.feedback?.dispose();
    if (!this.ownsParameters) return;
    for (const variable of Object.values(this.parameters)) if (!variable.isDisposed) variable.dispose();
  }

  /** @internal The loss and the gradients of what is trained; call it in a tidy. */
  inward(half: Outward, signals: readonly tf.Tensor2D[] | null, update: CompleteUpdate): NetworkGradients {
    const deltas = deltasOf(this.blocks, half, signals, update);
    const perExample = 1 / half.error.shape[0];
    // Scaling the deltas costs less than scaling the gradients.
    const scaled = deltas.map((delta) => delta && delta.mul(perExample));
    const named = gradientsOf(this.blocks, updateInputs(half.pass, update), scaled);
    const { parameters } = this;
    const gradients = Object.entries(named)
      .filter(([name]) => parameters[name]!.trainable)
      .map(([name, gradient]) => [parameters[name]!.name, gradient] as const);
    return { loss: half.losses.mean(), gradients: Object.fromEntries(gradients) };
  }

  /** @internal For each hidden layer the cosine of the angle between its update and the gradient; call it in a tidy. */
  cosines(half: Outward, signals: readonly tf.Tensor2D[] | null, update: CompleteUpdate): tf.Scalar[] {
    const taken = deltasOf(this.blocks, half, signals, update);
    const inputs = updateInputs(half.pass, update);
    const exact = backpropagatedDeltas(this.blocks, half.pass, half.error);
    return this.blocks.slice(0, -1).map(({ map }, l) => {
      const delta = taken[l];
      if (!delta) return tf.scalar(0);
      return cosine(map.gradients(inputs[l]!, delta).kernel, map.gradients(half.pass.inputs[l]!, exact[l]!).kernel);
    });
  }

  private targets(method: string, x: tf.Tensor, y: tf.Tensor): tf.Tensor2D {
    const where = `${WHERE}.${method}`;
    const examples = x.shape[0] ?? 0;
    if (examples === 0) throw new ShapeError(argumentMessage(where, 'x', 'have at least one example', x));
    return targetsOf(where, y, examples, this.outputs);
  }
}

/** @internal A network of parts that were made for it, and are disposed where they do not fit. */
export function madeNetwork(parts: NetworkParts): DfaNetwork {
  try {
    return new DfaNetwork(parts);
  } catch (error) {
    if (parts.ownsFeedback !== false) parts.feedback?.dispose();
    if (parts.ownsParameters !== false) {
      for (const { map } of parts.blocks) tf.dispose(map.bias ? [map.kernel, map.bias] : map.kernel);
    }
    throw error;
  }
}

function checkBlocks(blocks: readonly Block[]): void {
  const last = blocks.at(-1);
  if (last === undefined) throw new RangeError(argumentMessage(WHERE, 'blocks', 'have at least one block', 0));
  if (last.activation !== 'linear' || last.tail !== null) {
    const fix = 'The loss applies the softmax or sigmoid itself.';
    const found = last.tail === null ? last.activation : 'a tail';
    throw new RangeError(argumentMessage(WHERE, 'the last block', 'be linear, without a tail', found, fix));
  }
  if (last.map.kernel.rank !== 2) {
    throw new RangeError(argumentMessage(WHERE, 'the last block', 'be dense', last.map.kernel));
  }
  const [names, kernels] = [new Set<string>(), new Set<tf.Variable>()];
  for (const { name, map, entrance } of blocks) {
    if (names.has(name)) throw new RangeError(argumentMessage(WHERE, 'the names of blocks', 'differ', name));
    if (kernels.has(map.kernel)) {
      const fix = 'Feedback has no gradient of shared weights.';
      throw new RangeError(argumentMessage(WHERE, `block ${name}`, 'have parameters of its own', map.kernel, fix));
    }
    if (entrance && names.size > 0) {
      throw new RangeError(argumentMessage(WHERE, `block ${name}`, 'have no entrance, as the first may', 'one'));
    }
    names.add(name);
    kernels.add(map.kernel);
  }
}

/** 0 where either is zero: there is no angle then. */
function cosine(a: tf.Tensor, b: tf.Tensor): tf.Scalar {
  return unit(a).mul(unit(b)).sum();
}

/** Each by its own norm: their product may be too small for float32. */
function unit(a: tf.Tensor): tf.Tensor {
  return a.div(a.norm().maximum(TINY));
}

const TINY = 1e-30;
