import * as tf from '@tensorflow/tfjs';
import { loadGolden, type Golden } from '@tfsci/tensor-core/testing';
import type { ReferenceProblem } from '../src';

/** A golden problem in both worlds: float64 on plain arrays, and tensors. */
export interface GoldenProblem {
  name: string;
  golden: Golden;
  shapes: number[][];
  variants: Record<string, [method: 'momo' | 'adam' | 'sps', options: ReferenceSettings]>;
  /** Batch loss and gradient in float64. */
  host: (variant: string) => ReferenceProblem;
  /** Batch loss of step k (from 1) as a scalar tensor of the parameters. */
  loss: (parameters: tf.Tensor[], step: number) => tf.Scalar;
}

/** Option names of the authors' code, as the golden files have them. */
export interface ReferenceSettings {
  lr?: number;
  beta?: number;
  betas?: [number, number];
  eps?: number;
  weight_decay?: number;
  lb?: number;
  bias_correction?: boolean;
  use_fstar?: boolean;
  divide?: boolean;
  prox?: boolean;
}

/** The settings under this package's names. */
export function optionsOf(settings: ReferenceSettings) {
  const { lr, beta, betas, eps, weight_decay, lb, bias_correction, use_fstar, divide, prox } = settings;
  const all = {
    learningRate: lr,
    beta: beta ?? betas?.[0],
    beta1: betas?.[0],
    beta2: betas?.[1],
    epsilon: eps,
    weightDecay: weight_decay,
    lowerBound: lb,
    biasCorrection: bias_correction,
    useFstar: use_fstar,
    divide,
    prox,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

export function loadProblem(name: 'quadratic' | 'quadratic_shifted' | 'logistic' | 'mlp'): GoldenProblem {
  const golden = loadGolden(new URL(`./golden/${name}.safetensors`, import.meta.url));
  const shapes = JSON.parse(golden.metadata['paramShapes']!) as number[][];
  const variants = JSON.parse(golden.metadata['variants']!) as GoldenProblem['variants'];
  const functions = name === 'logistic' ? logistic(golden) : name === 'mlp' ? mlp(golden) : quadratic(golden);
  return {
    name,
    golden,
    shapes,
    variants,
    loss: functions.loss,
    host: (variant) => ({
      initial: splitRow(golden.get(`${variant}/params`).data, 0, shapes),
      lossAndGradient: functions.lossAndGradient,
    }),
  };
}

/** Row k of a [T, P] array, cut into the parameter tensors. */
export function splitRow(data: Float64Array, row: number, shapes: number[][]): Float64Array[] {
  const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1));
  let offset = row * sizes.reduce((a, b) => a + b, 0);
  return sizes.map((size) => data.slice(offset, (offset += size)));
}

type Functions = Pick<GoldenProblem, 'loss'> & Pick<ReferenceProblem, 'lossAndGradient'>;

function quadratic(golden: Golden): Functions {
  const { data: a } = golden.get('A');
  const c = golden.get('c').data[0]!;
  const size = 5;
  return {
    lossAndGradient(x) {
      const flat = x.flatMap((part) => [...part]);
      const ax = flat.map((_, i) => flat.reduce((sum, value, j) => sum + a[i * size + j]! * value, 0));
      const loss = flat.reduce((sum, value, i) => sum + 0.5 * value * ax[i]!, c);
      return { loss, gradient: [ax.slice(0, 3), ax.slice(3)] };
    },
    loss(parameters) {
      const x = tf.concat(parameters.map((part) => part.flatten()));
      const ax = tf.tensor2d(Float32Array.from(a), [size, size]).dot(x);
      return x.mul(ax).sum().mul(0.5).add(c);
    },
  };
}

function logistic(golden: Golden): Functions {
  const { data: features } = golden.get('X');
  const { data: labels } = golden.get('y');
  const { data: batches, shape } = golden.get('batchIndex');
  const [batchSize, size] = [shape[1]!, 10];
  const batchOf = (step: number): number[] => [...batches.slice((step - 1) * batchSize, step * batchSize)];
  return {
    lossAndGradient([w, b], step) {
      let loss = 0;
      const gradient = [new Float64Array(size), new Float64Array(1)] as const;
      for (const row of batchOf(step)) {
        const x = features.subarray(row * size, (row + 1) * size);
        const margin = labels[row]! * (x.reduce((sum, value, i) => sum + value * w![i]!, 0) + b![0]!);
        loss += (Math.log1p(Math.exp(-Math.abs(margin))) + Math.max(-margin, 0)) / batchSize;
        const slope = -labels[row]! / (1 + Math.exp(margin)) / batchSize;
        x.forEach((value, i) => (gradient[0][i]! += slope * value));
        gradient[1][0]! += slope;
      }
      return { loss, gradient: [...gradient] };
    },
    loss([w, b], step) {
      const index = tf.tensor1d(batchOf(step), 'int32');
      const x = tf.tensor2d(Float32Array.from(features), [64, size]).gather(index);
      const margin = tf.tensor1d(Float32Array.from(labels)).gather(index).mul(x.dot(w!).add(b!));
      return tf.softplus(margin.neg()).mean();
    },
  };
}

function mlp(golden: Golden): Functions {
  const { data: inputs } = golden.get('X');
  const { data: classes } = golden.get('y');
  const { data: batches, shape } = golden.get('batchIndex');
  const batchSize = shape[1]!;
  const [inputSize, hidden, outputs] = [2, 8, 3];
  const batchOf = (step: number): number[] => [...batches.slice((step - 1) * batchSize, step * batchSize)];
  return {
    lossAndGradient([w0, b0, w1, b1], step) {
      let loss = 0;
      const gradient = [w0!, b0!, w1!, b1!].map((part) => new Float64Array(part.length));
      for (const row of batchOf(step)) {
        const x = inputs.subarray(row * inputSize, (row + 1) * inputSize);
        const h = Float64Array.from({ length: hidden }, (_, j) =>
          Math.tanh(b0![j]! + x[0]! * w0![j]! + x[1]! * w0![hidden + j]!),
        );
        const logits = Float64Array.from({ length: outputs }, (_, o) =>
          h.reduce((sum, value, j) => sum + value * w1![j * outputs + o]!, b1![o]!),
        );
        const top = Math.max(...logits);
        const total = logits.reduce((sum, value) => sum + Math.exp(value - top), 0);
        loss += (Math.log(total) + top - logits[classes[row]!]!) / batchSize;
        const dLogits = logits.map(
          (value, o) => (Math.exp(value - top) / total - Number(o === classes[row])) / batchSize,
        );
        for (let j = 0; j < hidden; j++) {
          let dh = 0;
          for (let o = 0; o < outputs; o++) {
            gradient[2]![j * outputs + o]! += h[j]! * dLogits[o]!;
            dh += w1![j * outputs + o]! * dLogits[o]!;
          }
          const dPre = dh * (1 - h[j]! * h[j]!);
          gradient[1]![j]! += dPre;
          gradient[0]![j]! += x[0]! * dPre;
          gradient[0]![hidden + j]! += x[1]! * dPre;
        }
        dLogits.forEach((value, o) => (gradient[3]![o]! += value));
      }
      return { loss, gradient };
    },
    loss([w0, b0, w1, b1], step) {
      const index = tf.tensor1d(batchOf(step), 'int32');
      const x = tf.tensor2d(Float32Array.from(inputs), [48, inputSize]).gather(index);
      const logits = x.dot(w0!).add(b0!).tanh().dot(w1!).add(b1!);
      const targets = tf.oneHot(tf.tensor1d(Int32Array.from(classes), 'int32').gather(index), outputs);
      return tf.losses.softmaxCrossEntropy(targets, logits);
    },
  };
}
