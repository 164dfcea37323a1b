// N points, D coordinates, B coordinates with the bias, F features
import * as tf from '@tensorflow/tfjs';
import { check, io, random } from '@tfsci/tensor-core';
import type { FeatureMap } from '../feature-map';
import { HierarchicalSketch, type HierarchicalSketchOptions } from './hierarchical-sketch';
import { biasedDim, checkKernel, type PolynomialKernel } from './polynomial-kernel';
import { PolynomialSketch } from './polynomial-sketch';
import { TensorSketch } from './tensor-sketch';
import { keyOf, type Weights } from '../weights';

const WHERE = 'ctr-features.SketchLayer';

/** The sketches that a layer can be made of; in lower case, as LayersModel changes the case of names in its files. */
const SKETCHES = { product: PolynomialSketch, hierarchical: HierarchicalSketch, tensor: TensorSketch } as const;
/** `PolynomialSketch`, `HierarchicalSketch` or `TensorSketch`. */
export type SketchLayerKind = keyof typeof SKETCHES;

/** The options that each of them has. */
const OPTIONS = {
  tensor: ['features', 'degree', 'gamma', 'coef0', 'variance'],
  product: ['features', 'degree', 'gamma', 'coef0', 'variance', 'projection', 'mode', 'srhtBlocks'],
  hierarchical: ['features', 'degree', 'gamma', 'coef0', 'variance', 'projection', 'mode', 'srhtBlocks', 'hierarchy'],
} as const;

/** Numbers of the kernel that can be learnt. */
const LEARNABLE = ['gamma', 'coef0', 'variance'] as const;
/** A number of the kernel that a layer can learn. */
export type LearnableParameter = (typeof LEARNABLE)[number];

type LayerArgs = Exclude<ConstructorParameters<typeof tf.layers.Layer>[0], undefined>;

/** Options of `SketchLayer`: those of the sketch without `inputDim`, and those of every layer (name, inputShape, ...). */
export interface SketchLayerConfig
  extends Omit<LayerArgs, 'weights'>, Omit<HierarchicalSketchOptions, 'inputDim' | 'key' | 'weights'> {
  /** `PolynomialSketch`, `HierarchicalSketch` or `TensorSketch`; default 'product'. */
  kind?: SketchLayerKind;
  /** What the random numbers are drawn with; or its plain data. */
  key?: random.Key | random.KeyJson | number;
  /** Given random numbers instead of a key; or a safetensors file of them in hexadecimal digits. */
  weights?: Weights | string;
  /** Parameters of the kernel that are learnt, from their given values on; their logarithms are the layer's weights. */
  learn?: readonly LearnableParameter[];
}

/**
 * A sketch of the polynomial kernel as a layer of tf.LayersModel: [..., d] to [..., D].
 *
 * The random numbers are fixed, and saved with the model: as the key, or in full when they were given. With `learn`, gamma,
 * coef0 and variance follow the gradient, exactly: the sketch is that of the points [sqrt(coef0), sqrt(gamma) x], times
 * sqrt(variance).
 *
 * Importing this module registers the class, for tf.loadLayersModel.
 *
 * @throws TypeError, RangeError for options outside their ranges or neither key nor weights; FormatError for text that
 *   is no key or no weights
 */
export class SketchLayer extends tf.layers.Layer {
  static readonly className = 'SketchLayer';
  readonly sketchKind: SketchLayerKind;
  readonly learn: readonly LearnableParameter[];
  private readonly options: Partial<HierarchicalSketchOptions>;
  private readonly kernel: PolynomialKernel;
  private readonly source: { key: random.Key } | { weights: Weights };
  private readonly logarithms = new Map<string, tf.LayerVariable>();
  private map: FeatureMap | null = null;

  constructor(config: SketchLayerConfig) {
    const { kind = 'product', key, weights, learn = [], ...others } = config;
    const own = Object.keys(others).filter((name) => (OPTIONS.hierarchical as readonly string[]).includes(name));
    const isOwn = ([name]: [string, unknown]): boolean => own.includes(name);
    super(Object.fromEntries(Object.entries(others).filter((entry) => !isOwn(entry))));
    this.options = Object.fromEntries(Object.entries(others).filter(isOwn));
    this.sketchKind = check.checkOneOf(WHERE, 'kind', kind, Object.keys(SKETCHES) as SketchLayerKind[]);
    for (const name of own as (keyof HierarchicalSketchOptions)[]) {
      if ((OPTIONS[kind] as readonly string[]).includes(name)) continue;
      const wanted = `be left out for kind ${JSON.stringify(kind)}`;
      throw new TypeError(check.argumentMessage(WHERE, name, wanted, this.options[name]));
    }
    if (this.options.mode === 'complex') {
      throw new TypeError(check.argumentMessage(WHERE, 'mode', "be 'real' or 'ctr'", 'complex'));
    }
    const { degree, gamma = 1, coef0 = 0, variance = 1 } = this.options as HierarchicalSketchOptions;
    this.kernel = checkKernel(WHERE, { degree, gamma, coef0, variance });
    this.learn = learn.map((name, i) => check.checkOneOf(WHERE, `learn[${i}]`, name, LEARNABLE));
    if (this.learn.includes('coef0') && coef0 === 0) {
      const fix = 'Its logarithm is what is learnt.';
      throw new RangeError(check.argumentMessage(WHERE, 'coef0', 'be > 0 to be learnt', coef0, fix));
    }
    this.source = sourceOf(key, weights);
    // So that wrong options are told now, not when the layer is first used.
    new SKETCHES[kind]({ ...(this.options as HierarchicalSketchOptions), inputDim: 1, key: 0 });
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const inputDim = oneShape(inputShape).at(-1) ?? null;
    if (inputDim === null) {
      throw new check.ShapeError(
        check.argumentMessage(WHERE, 'the last axis of the input', 'have a known length', inputDim),
      );
    }
    const { learn, kernel } = this;
    // With parameters that change, the sketch is of points that have them already.
    const plain = { inputDim: biasedDim(inputDim, kernel), gamma: 1, coef0: 0, variance: 1 };
    const shape = learn.length === 0 ? { inputDim } : plain;
    const options = { ...this.options, ...shape, ...this.source } as HierarchicalSketchOptions;
    this.map = new SKETCHES[this.sketchKind](options);
    for (const name of learn) {
      const start = tf.initializers.constant({ value: Math.log(kernel[name]) });
      this.logarithms.set(name, this.addWeight(`log_${name}`, [], 'float32', start));
    }
    this.inputSpec = [new tf.InputSpec({ minNDim: 2, axes: { [-1]: inputDim } })];
    super.build(inputShape);
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    return [...oneShape(inputShape).slice(0, -1), this.options.features!];
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Parameters<tf.layers.Layer['call']>[1]): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const x = Array.isArray(inputs) ? inputs[0]! : inputs;
      const others = x.shape.slice(0, -1);
      const count = others.reduce((product, length) => product * length, 1);
      const x_ND = x.reshape<tf.Tensor2D>([count, x.shape.at(-1)!]);
      const phi_NF = this.learn.length === 0 ? this.map!.transform(x_ND) : this.learntFeatures(x_ND.toFloat());
      return phi_NF.reshape([...others, phi_NF.shape[1]]);
    });
  }

  /** The parameters of the kernel as they are now. */
  async kernelParameters(): Promise<PolynomialKernel> {
    const kernel = { ...this.kernel };
    for (const name of this.learn) {
      const log = this.logarithms.get(name);
      if (log !== undefined) kernel[name] = Math.exp((await log.read().data())[0]!);
    }
    return kernel;
  }

  override getConfig(): tf.serialization.ConfigDict {
    const source =
      'key' in this.source ? { key: this.source.key.toJSON() } : { weights: hexadecimal(this.source.weights) };
    const own = { ...this.options, kind: this.sketchKind, learn: [...this.learn], ...source };
    return { ...super.getConfig(), ...(own as unknown as tf.serialization.ConfigDict) };
  }

  override dispose(): ReturnType<tf.layers.Layer['dispose']> {
    const result = super.dispose();
    if (result.refCountAfterDispose === 0) this.map?.dispose();
    return result;
  }

  private learntFeatures(x_ND: tf.Tensor2D): tf.Tensor2D {
    const { kernel } = this;
    const root = (name: LearnableParameter): tf.Tensor | number =>
      this.logarithms.get(name)?.read().mul(0.5).exp() ?? Math.sqrt(kernel[name]);
    const scaled_ND = x_ND.mul<tf.Tensor2D>(root('gamma'));
    const bias_N1 = tf.ones([x_ND.shape[0], 1]).mul<tf.Tensor2D>(root('coef0'));
    const z_NB = kernel.coef0 === 0 ? scaled_ND : tf.concat([bias_N1, scaled_ND], 1);
    return this.map!.transform(z_NB).mul(root('variance'));
  }
}

tf.serialization.registerClass(SketchLayer);

/**
 * The layer of a sketch, as tf.layers.dense({ ... }) is that of a matrix.
 *
 * @throws as `SketchLayer`
 * @example
 * const model = tf.sequential({
 *   layers: [
 *     polynomialSketch({ features: 256, degree: 2, coef0: 1, key: 0, learn: ['gamma'], inputShape: [8] }),
 *     tf.layers.dense({ units: 1 }),
 *   ],
 * });
 */
export function polynomialSketch(config: SketchLayerConfig): SketchLayer {
  return new SketchLayer(config);
}

function oneShape(shape: tf.Shape | tf.Shape[]): tf.Shape {
  return Array.isArray(shape[0]) ? shape[0] : (shape as tf.Shape);
}

function sourceOf(
  key: SketchLayerConfig['key'],
  weights: SketchLayerConfig['weights'],
): { key: random.Key } | { weights: Weights } {
  const given = typeof weights === 'string' ? weightsOf(weights) : weights;
  const isJson = typeof key === 'object' && !(key instanceof random.Key);
  const drawn = isJson ? random.keyFromJSON(key) : key;
  const one = keyOf(WHERE, {
    ...(drawn !== undefined && { key: drawn }),
    ...(given !== undefined && { weights: given }),
  });
  return one === null ? { weights: given! } : { key: one };
}

/** Weights as digits and letters of one case, which LayersModel leaves as they are. */
function hexadecimal(weights: Weights): string {
  return Array.from(io.writeSafetensors(weights), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function weightsOf(digits: string): Weights {
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/.test(digits)) {
    const wanted = 'be tensors by name, or a safetensors file in hexadecimal digits';
    throw new check.FormatError(check.argumentMessage(WHERE, 'weights', wanted, digits));
  }
  const bytes = Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
  return io.readSafetensors(bytes).tensors;
}
