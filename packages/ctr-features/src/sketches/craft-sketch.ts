import type * as tf from '@tensorflow/tfjs';
import { check, random } from '@tfsci/tensor-core';
import { FeatureMap } from '../feature-map';
import { pairScale } from './pair';
import { ProjectedSketch } from './projected-sketch';
import type { Rows } from '../rows';
import { SrhtProjection } from './srht-projection';
import { keyOf, prefixed, type WeightSource, type Weights } from '../weights';
import { type FeatureMapJson, jsonOf } from '../json';

/** Options of `CraftSketch`; its key or weights are those of the compression alone. */
export interface CraftSketchOptions extends WeightSource {
  /** The map to E features that are compressed. It has a key or weights of its own. */
  up: FeatureMap;
  /** D, at most E. */
  features: number;
}

/**
 * Compact random feature maps: many features, brought down to D by a Hadamard projection of degree 1.
 *
 * The D features carry the kernel better than D features of the inner map, at the cost of computing E of them; the
 * authors take E = 2^15.
 *
 * @throws TypeError, RangeError for options outside their ranges or neither key nor weights
 * @see Hamid, Xiao, Gittens & DeCoste, 2014, "Compact Random Feature Maps", arXiv:1312.4626
 */
export class CraftSketch extends FeatureMap {
  /** The map that is compressed; disposed together with this one. */
  readonly up: FeatureMap;
  private readonly down: SrhtProjection;
  private readonly given: CraftSketchOptions;

  constructor(options: CraftSketchOptions) {
    const where = 'ctr-features.CraftSketch';
    const { up, features } = options;
    if (!((up as unknown) instanceof FeatureMap)) {
      throw new TypeError(check.argumentMessage(where, 'up', 'be a feature map', up));
    }
    if (up instanceof ProjectedSketch && up.mode === 'complex') {
      throw new TypeError(check.argumentMessage(where, 'up.mode', 'give real features', up.mode, "Take mode 'ctr'."));
    }
    check.checkNumber(where, 'features', features, { min: 1, max: up.features, integer: true });
    super('CraftSketch', up.inputDim, features);
    this.up = up;
    const from = keyOf(where, options) ?? options.weights!;
    const shape = {
      projection: 'srht',
      blocks: 'independent',
      inputDim: up.features,
      features,
      complex: false,
    } as const;
    this.down = new SrhtProjection(shape, { where, prefix: 'down.', index: 0, from });
    this.given = { ...options };
  }

  /** Fits the map that is compressed. @returns this map */
  override fit(x: Rows | tf.Tensor2D): this {
    this.up.fit(x);
    return this;
  }

  /** Those of the inner map as `up.NAME`, and those of the compression as `down.NAME`. */
  weights(): Weights {
    return { ...prefixed(this.up.weights(), 'up.'), ...this.down.weights() };
  }

  resample(key: random.Key | number): CraftSketch {
    const [up, down] = random.split(random.asKey('ctr-features.CraftSketch.resample', key)) as [random.Key, random.Key];
    return new CraftSketch({ up: this.up.resample(up), features: this.features, key: down });
  }

  toJSON(): FeatureMapJson {
    const { up, ...options } = this.given;
    return jsonOf(this.kind, { ...options, up: up.toJSON() } as WeightSource);
  }

  dispose(): void {
    this.up.dispose();
    this.down.dispose();
  }

  protected apply(x_ND: tf.Tensor2D): tf.Tensor2D {
    const up = { re: this.up.transform(x_ND), im: null };
    return pairScale(this.down.project(up), 1 / Math.sqrt(this.features)).re;
  }
}
