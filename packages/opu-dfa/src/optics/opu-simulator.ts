// K phases, M frames, C inputs (mirrors), N outputs (pixels).
import * as tf from '@tensorflow/tfjs';
import { check, random } from '@tfsci/tensor-core';
import {
  cameraCounts,
  checkCamera,
  exposureGain,
  isNoisy,
  saturationOf,
  type Camera,
  type CameraOptions,
} from './camera';
import { checkFrames } from './frames';
import { fieldFromFrames, interferenceIntensity, linearFromFrames, phaseShiftedFrames } from './holography';
import { linearNoise, type LinearNoise } from './linear-noise';
import type { CameraCounts, MeasureOptions, OpticalProcessor, ReferencePhase } from './optical-processor';
import { TransmissionMatrix, type Field, type GivenMatrix, type TransmissionOptions } from './transmission-matrix';
import { tidied } from '../tidied';

const { argumentMessage, checkNumber, checkOneOf, checkShape } = check;

/** What the entries of the linear projection are scaled to. */
export type ProjectionScaling = 'none' | 'variance' | 'norm';

/** What is simulated around the medium. */
export interface OpuSettings extends CameraOptions {
  /** What `transform` gives: 'linear' (default) projections, or 'intensity' counts of the camera without a reference. */
  mode?: 'linear' | 'intensity';
  /** A > 0, amplitude of the reference wave, default 4. A mean pixel has |x R| <= sqrt(2). */
  referenceAmplitude?: number;
  /**
   * Linear projections, with d the deviation of Re R: 'none' Re(x R); 'variance' (default) Re(x R) / (d sqrt(C)), entries
   * N(0, 1 / C) for any d; 'norm' Re(x R) / (d sqrt(N)), which keeps lengths in the mean.
   */
  scaling?: ProjectionScaling;
}

/** Options of `OpuSimulator`: the medium by size and key, or a measured one. */
export type OpuSimulatorOptions = OpuSettings & (TransmissionOptions | { matrix: GivenMatrix });

/** Of the reference in the two frames that show a real part. */
const IN_PHASE: ReferencePhase = 0;
const OPPOSITE: ReferencePhase = 2;

/**
 * A simulated optical processing unit: binary light, a scattering medium, a reference wave and a camera.
 *
 *   intensity |x R|^2, linear Re(x R), frames |x R + A exp(i k pi / 2)|^2;  R as in `TransmissionMatrix`
 *
 * For binary x with k ones of C: Re(x R) ~ N(0, k / C), and |x R|^2 is exponential with mean 2 k / C: speckle of contrast 1.
 * The camera is ideal unless told otherwise; see `cameraCounts`. It is an `OpticalProcessor` too, to try drivers' users on.
 *
 * @see Saade et al., 2016, "Random projections through multiple optical scattering", arXiv:1510.06664; Ohana et al., 2021,
 *   "Photonic differential privacy with direct feedback alignment", arXiv:2106.03645
 */
export class OpuSimulator implements OpticalProcessor {
  readonly inputs: number;
  readonly outputs: number;
  readonly saturation: number | null;
  readonly matrix: TransmissionMatrix;
  readonly referenceAmplitude: number;
  /** What Re(x R) is multiplied by in linear projections. */
  readonly scale: number;
  private readonly mode: 'linear' | 'intensity';
  private readonly camera: Camera;
  /** A variable, as compiled steps look at it afresh. */
  private readonly gainNow: tf.Variable;

  /** @throws as `TransmissionMatrix`; RangeError for numbers outside and other modes or scalings */
  constructor(options: OpuSimulatorOptions) {
    const where = 'opu-dfa.OpuSimulator';
    if (typeof options !== 'object' || (options as object | null) === null) {
      const fix = 'For a start take { inputs: 10, outputs: 1000, key: random.key(0) }.';
      throw new TypeError(argumentMessage(where, 'options', 'be a record', options, fix));
    }
    const { mode = 'linear', referenceAmplitude = 4, scaling = 'variance' } = options;
    this.mode = checkOneOf(where, 'mode', mode, ['linear', 'intensity']);
    this.referenceAmplitude = checkNumber(where, 'referenceAmplitude', referenceAmplitude, { above: 0 });
    checkOneOf(where, 'scaling', scaling, ['none', 'variance', 'norm']);
    this.camera = { ...checkCamera(where, options) };
    this.saturation = saturationOf(this.camera);
    this.matrix = new TransmissionMatrix('matrix' in options ? options.matrix : options);
    const { inputs, outputs, deviation } = this.matrix;
    this.inputs = inputs;
    this.outputs = outputs;
    const entries = { none: 1, variance: deviation * Math.sqrt(inputs), norm: deviation * Math.sqrt(outputs) };
    this.scale = 1 / entries[scaling];
    this.gainNow = tf.tidy(() => tf.variable(tf.scalar(this.camera.gain), false));
  }

  /** a, counts of the camera for an intensity of 1. */
  get gain(): number {
    return this.camera.gain;
  }

  /** Whether the camera neither adds noise nor rounds: `project` takes any numbers then, not ternary codes alone. */
  get isIdeal(): boolean {
    return !isNoisy(this.camera) && this.camera.bits === null;
  }

  /** Whether `project` consists of tensor operations alone: the matrix is in memory. */
  get compiles(): boolean {
    return this.matrix.stored;
  }

  /** x R, { re, im } [M, N]. @throws as `TransmissionMatrix.field` */
  field(x_MC: tf.Tensor2D): Field {
    return this.matrix.field(x_MC);
  }

  /** |x R|^2 [M, N], before the camera. @throws as `field` */
  intensity(x_MC: tf.Tensor2D): tf.Tensor2D {
    return tf.tidy(() => {
      const { re, im } = this.field(x_MC);
      return re.square().add(im.square());
    });
  }

  /** Re(x R), scaled, [M, N]: exact, what holography gives with an ideal camera, and for any numbers x. @throws as `field` */
  linear(x_MC: tf.Tensor2D): tf.Tensor2D {
    return tf.tidy(() => this.matrix.realField(x_MC).mul(this.scale));
  }

  /**
   * Counts of the camera for four phases of the reference wave, [4, M, N].
   *
   * @param key  for its noise
   * @throws as `field`; TypeError for noise without a key
   */
  frames(x_MC: tf.Tensor2D, key?: random.Key): tf.Tensor3D {
    return tf.tidy(() => this.exposed(phaseShiftedFrames(this.field(x_MC), this.referenceAmplitude), key));
  }

  /** The field x R that such counts show, { re, im } [M, N], not scaled. @throws as `fieldFromFrames` */
  holography(frames_KMN: tf.Tensor3D): Field {
    return tidied(() =>
      fieldFromFrames(frames_KMN, { referenceAmplitude: this.referenceAmplitude, gain: this.gainNow }),
    );
  }

  /**
   * What comes from the device in its mode: counts of |x R|^2, or the linear projection of ternary codes.
   *
   * @param key  for the noise of the camera
   * @throws as `field`; TypeError for noise without a key
   */
  transform(x_MC: tf.Tensor2D, key?: random.Key): tf.Tensor2D {
    if (this.mode === 'linear') return this.project(x_MC, this.outputs, key);
    return tf.tidy(() => this.exposed(this.intensity(x_MC), key));
  }

  /**
   * The linear projection as the device measures it: codes 0, s and -s in two shots, each with the reference in phase and in
   * opposite phase.
   *
   *   f = scale * s ((c_0 - c_2) of e > 0, less that of e < 0) / (4 A a)
   *
   * Tensor operations alone, so inside `jit` too where the matrix is stored. With a noiseless camera without rounding this is
   * Re(e R) for any numbers e; else an example that is no ternary code gives NaN.
   *
   * @param e_MC   ternary codes with one s > 0
   * @param units  of the outputs, from the first, default all
   * @param key    for the noise of the camera
   * @returns float32 [M, units]
   * @throws as `field`; TypeError for noise without a key
   */
  project(e_MC: tf.Tensor2D, units = this.outputs, key?: random.Key): tf.Tensor2D {
    const where = 'opu-dfa.OpuSimulator.project';
    const { camera, referenceAmplitude, gainNow } = this;
    checkShape(where, 'e', e_MC, [null, this.inputs], 'An example has one number for each input.');
    if (this.isIdeal) {
      return tf.tidy(() => this.matrix.realField(e_MC, units).mul(this.scale));
    }
    const keys = isNoisy(camera) ? random.split(random.checkKey(where, key)) : [];
    return tf.tidy(() => {
      const e = e_MC.toFloat();
      const largest = e.abs().max();
      // Nothing but zeros is measured with its noise as well.
      const magnitude = tf.where(tf.equal(largest, 0), 1, largest);
      const shots = tf.concat([tf.greater(e, 0), tf.less(e, 0)], 0).toFloat();
      const field = this.matrix.field(shots as tf.Tensor2D, units);
      const counts = (phase: ReferencePhase, shotKey?: random.Key): tf.Tensor2D =>
        this.exposed(interferenceIntensity(field, referenceAmplitude, phase), shotKey);
      const [inPhase, opposite] = [counts(IN_PHASE, keys[0]), counts(OPPOSITE, keys[1])];
      const projected = linearFromFrames(inPhase, opposite, { referenceAmplitude, gain: gainNow });
      const [above, below] = tf.split(projected, 2) as [tf.Tensor2D, tf.Tensor2D];
      const scale = magnitude.mul(this.scale).add(notTernary(e, magnitude));
      return above.sub<tf.Tensor2D>(below).mul(scale);
    });
  }

  /**
   * Sets the gain so that a part of the pixels stays below saturation for frames like these. Compiled steps follow.
   *
   * @param x_MC      typical frames, for ternary codes one of their two shots
   * @param quantile  of the pixels, default 0.99
   * @returns the gain
   * @throws RangeError where counts have no end, when all is dark, and for a quantile outside (0, 1]
   */
  async autoGain(x_MC: tf.Tensor2D, quantile = 0.99): Promise<number> {
    const { bits } = this.camera;
    if (bits === null) {
      const fix = 'A camera that cannot saturate needs no exposure.';
      throw new RangeError(argumentMessage('opu-dfa.OpuSimulator.autoGain', 'bits', 'be given', bits, fix));
    }
    const { mode, referenceAmplitude } = this;
    const light = tf.tidy(() =>
      mode === 'intensity' ? this.intensity(x_MC) : phaseShiftedFrames(this.field(x_MC), referenceAmplitude),
    );
    try {
      this.camera.gain = await exposureGain(light, { quantile, bits });
    } finally {
      light.dispose();
    }
    tf.tidy(() => this.gainNow.assign(tf.scalar(this.camera.gain)));
    return this.camera.gain;
  }

  /**
   * Noise of the projections of `project`.
   *
   * @param lit  part of the entries of a code that are not 0, 0..1; default 0
   * @throws RangeError when it is outside
   */
  linearNoise(lit = 0): LinearNoise {
    checkNumber('opu-dfa.OpuSimulator.linearNoise', 'lit', lit, { min: 0, max: 1 });
    const { camera, referenceAmplitude, scale, inputs, matrix } = this;
    // E |x R|^2 is 2 d^2 for each mirror that is lit.
    return linearNoise({ ...camera, referenceAmplitude, scale, intensity: 2 * matrix.deviation ** 2 * inputs * lit });
  }

  /** As `OpticalProcessor.measure`, with the noise of a key. @throws as that; TypeError for noise without a key */
  async measure(frames: Uint8Array, count: number, options: MeasureOptions = {}): Promise<CameraCounts> {
    const where = 'opu-dfa.OpuSimulator.measure';
    const { phase = null, key, signal } = options;
    signal?.throwIfAborted();
    checkFrames(where, frames, count, this.inputs);
    if (phase !== null) checkOneOf(where, 'phase', phase, [0, 1, 2, 3]);
    const counts = tf.tidy(() => {
      const field = this.field(tf.tensor2d(frames, [count, this.inputs], 'float32'));
      const light = phase === null ? field.re.square().add(field.im.square()) : null;
      return this.exposed(light ?? interferenceIntensity(field, this.referenceAmplitude, phase!), key);
    });
    try {
      const values = await counts.data();
      signal?.throwIfAborted();
      const { bits } = this.camera;
      return bits === null ? Float32Array.from(values) : bits > 8 ? Uint16Array.from(values) : Uint8Array.from(values);
    } finally {
      counts.dispose();
    }
  }

  dispose(): void {
    this.matrix.dispose();
    this.gainNow.dispose();
  }

  private exposed<T extends tf.Tensor>(intensity: T, key: random.Key | undefined): T {
    return cameraCounts(intensity, { ...this.camera, gain: this.gainNow }, key);
  }
}

/** 0 for codes 0, s and -s; NaN [M, 1] for examples with other numbers, which no binary light shows. */
function notTernary(e: tf.Tensor2D, magnitude: tf.Tensor): tf.Tensor {
  // No term is above 0, as s is the largest magnitude; a sum keeps NaN on every backend.
  const size = e.abs();
  const excess = size.mul(size.sub(magnitude)).sum(1, true);
  return tf.where(tf.notEqual(excess, 0), NaN, 0);
}
