import * as tf from '@tensorflow/tfjs';
import { jit } from '../src/backend';
import type { Module } from '../src/nn';
import { loadGolden, type Golden } from '../src/testing';

/** A layer whose forward takes a tensor alone. */
export interface Layer extends Module {
  forward(x: tf.Tensor): tf.Tensor;
}

/** Whether to compile: cpu and wasm cannot, so `jit` calls the function there and nothing else would be tested. */
export const compiling = (backend: string): boolean[] => (['cpu', 'wasm'].includes(backend) ? [false] : [false, true]);

/** The results of golden/nn/generate_layers.py. */
export const layers = loadGolden(new URL('./golden/nn/layers.safetensors', import.meta.url));

/** A golden tensor as it is: float32 or int32, in PyTorch's layout. */
export function goldenTensor(golden: Golden, name: string): tf.Tensor {
  const { dtype, shape, data } = golden.get(name);
  return dtype === 'I32' ? tf.tensor(Int32Array.from(data), shape) : tf.tensor(Float32Array.from(data), shape);
}

/** Golden tensors below a prefix, by the rest of their names. */
export function goldenState(golden: Golden, prefix: string): Record<string, tf.Tensor> {
  const names = golden.names.filter((name) => name.startsWith(prefix));
  return Object.fromEntries(names.map((name) => [name.slice(prefix.length), goldenTensor(golden, name)]));
}

/** NCHW to NHWC, NCL to NLC. */
export const channelsLast = (x: tf.Tensor): tf.Tensor =>
  x.rank < 3 ? x.clone() : x.transpose([0, ...Array.from({ length: x.rank - 2 }, (_, i) => i + 2), 1]);

/** The way back. */
export const channelsFirst = (x: tf.Tensor): tf.Tensor =>
  x.rank < 3 ? x.clone() : x.transpose([0, x.rank - 1, ...Array.from({ length: x.rank - 2 }, (_, i) => i + 1)]);

/** Sets a module from golden tensors below a prefix. */
export function load<M extends Module>(module: M, golden: Golden, prefix: string): M {
  const state = goldenState(golden, prefix);
  module.loadStateDict(state);
  tf.dispose(state);
  return module;
}

/** Gradients of a scalar by a module's trainable parameters, by name and in PyTorch's layouts. */
export function parameterGradients(module: Module, grads: Record<string, tf.Tensor>): Record<string, tf.Tensor> {
  const named: Record<string, tf.Tensor> = {};
  for (const [name, { variable, permutation }] of module.namedSlots()) {
    const gradient = grads[variable.name];
    if (gradient === undefined) continue;
    named[name] = permutation
      ? gradient.transpose(permutation.map((_, axis) => permutation.indexOf(axis)))
      : gradient.clone();
  }
  return named;
}

/**
 * Result and gradients of sum(forward(x) dy).
 *
 * @returns y, dx (of float x) and the gradients of the parameters by variable name
 */
export function resultAndGradients(
  layer: Layer,
  x: tf.Tensor,
  dy: tf.Tensor,
  { compiled }: { compiled: boolean },
): { y: tf.Tensor; dx: tf.Tensor | undefined; grads: Record<string, tf.Tensor> } {
  const input = tf.variable(x);
  const parameters = layer.trainableVariables();
  const step = (weight: tf.Tensor): { y: tf.Tensor; grads: tf.NamedTensorMap } => {
    const { value, grads } = tf.variableGrads(
      () => layer.forward(input).mul(weight).sum().asScalar(),
      x.dtype === 'float32' ? [input, ...parameters] : parameters,
    );
    value.dispose();
    return { y: layer.forward(input), grads };
  };
  const { y, grads } = (compiled ? jit(step) : step)(dy);
  input.dispose();
  return { y, dx: grads[input.name], grads };
}
