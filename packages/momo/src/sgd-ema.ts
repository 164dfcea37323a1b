import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { checkBeta, checkRate } from './options';

/** Options of SgdEmaOptimizer. */
export interface SgdEmaOptions {
  /** alpha, default 1e-3. */
  learningRate?: number;
  /** beta, default 0.9. */
  beta?: number;
}

/**
 * SGD-M as the paper runs it: momentum as an average, PyTorch's SGD with dampening = momentum.
 *
 *   d_1 = g_1,   d <- beta d + (1 - beta) g_k,   x <- x - alpha d
 *
 * MoMo with a small cap is this method. A rate alpha here is alpha (1 - beta) of tf.train.momentum.
 *
 * @param options.learningRate  alpha, default 1e-3
 * @param options.beta          weight of the past, in [0, 1), default 0.9
 * @throws RangeError or TypeError naming the option
 */
export class SgdEmaOptimizer extends tf.Optimizer {
  /** @nocollapse */
  static readonly className = 'SgdEmaOptimizer';
  readonly beta: number;
  private rate: number;
  private readonly averages = new Map<string, tf.Variable>();
  private restored: tf.Variable[] = [];

  constructor(options: SgdEmaOptions = {}) {
    super();
    const where = 'momo.SgdEmaOptimizer';
    this.rate = checkRate(where, options.learningRate ?? 1e-3);
    this.beta = checkBeta(where, 'beta', options.beta ?? 0.9);
  }

  get learningRate(): number {
    return this.rate;
  }

  /** @throws RangeError when negative or not finite */
  setLearningRate(value: number): void {
    this.rate = checkRate('momo.SgdEmaOptimizer.setLearningRate', value);
  }

  override applyGradients(gradients: tf.NamedTensorMap | { name: string; tensor: tf.Tensor }[]): void {
    const named = Array.isArray(gradients)
      ? gradients
      : Object.entries(gradients).map(([name, tensor]) => ({ name, tensor }));
    const registered = tf.engine().registeredVariables;
    for (const { name, tensor } of named) {
      const variable = registered[name];
      if (tensor == null || variable === undefined) continue;
      tf.tidy(() => {
        const past = this.averages.get(name) ?? this.firstAverage(variable, tensor);
        const average = past.mul(this.beta).add(tensor.mul(1 - this.beta));
        past.assign(average);
        variable.assign(variable.sub(average.mul(this.rate)));
      });
    }
    this.incrementIterations();
  }

  override async getWeights(): Promise<{ name: string; tensor: tf.Tensor }[]> {
    const averages = [...this.averages.values(), ...this.restored];
    return [await this.saveIterations(), ...averages.map((d, i) => ({ name: `sgd-ema/d/${i}`, tensor: d.clone() }))];
  }

  override async setWeights(weights: { name: string; tensor: tf.Tensor }[]): Promise<void> {
    this.dispose();
    const averages = await this.extractIterations(weights);
    this.restored = averages.map(({ tensor }) => tf.tidy(() => tensor.clone().variable(false)));
  }

  override dispose(): void {
    tf.dispose([...this.averages.values(), ...this.restored]);
    this.averages.clear();
    this.restored = [];
  }

  override getClassName(): string {
    return SgdEmaOptimizer.className;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { learningRate: this.rate, beta: this.beta };
  }

  private firstAverage(variable: tf.Variable, gradient: tf.Tensor): tf.Variable {
    const restored = this.restored.shift();
    if (restored !== undefined && String(restored.shape) !== String(variable.shape)) {
      this.restored.unshift(restored);
      throw new check.ShapeError(
        check.argumentMessage(
          'momo.SgdEmaOptimizer',
          `the restored average of ${variable.name}`,
          `have shape [${variable.shape.join(', ')}]`,
          restored,
        ),
      );
    }
    const average = restored ?? gradient.clone().variable(false);
    this.averages.set(variable.name, average);
    return average;
  }
}
tf.serialization.registerClass(SgdEmaOptimizer);
