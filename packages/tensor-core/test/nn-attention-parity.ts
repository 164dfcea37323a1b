import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { jit } from '../src/backend';
import type { Module } from '../src/nn';
import { loadGolden, type CloseOptions } from '../src/testing';
import { goldenState, goldenTensor, load, parameterGradients } from './nn-parity';

/** The results of golden/nn/generate_attention.py. */
export const golden = loadGolden(new URL('./golden/nn/attention.safetensors', import.meta.url));

/** A boolean mask of PyTorch, true where nothing is attended. */
export const goldenMask = (name: string): tf.Tensor => goldenTensor(golden, name).cast('bool');

/** A module's forward with named inputs. */
export type Forward<M extends Module> = (module: M, inputs: Record<string, tf.Tensor>) => tf.Tensor;

/**
 * Expects a module to give PyTorch's result and gradients of sum(y dy), by its inputs and parameters.
 *
 * @param name     of the golden case
 * @param inputs   names of the inputs, of which each has a gradient in the file
 * @param forward  the call; what it uses besides is made outside
 */
export function expectParity<M extends Module>(
  name: string,
  module: M,
  inputs: readonly string[],
  forward: Forward<M>,
  { compiled, tolerance }: { compiled: boolean; tolerance: CloseOptions },
): void {
  load(module, golden, `${name}/w/`);
  const variables = inputs.map((input) => tf.variable(goldenTensor(golden, `${name}/${input}`)));
  const named = Object.fromEntries(inputs.map((input, i) => [input, variables[i]!]));
  const parameters = module.trainableVariables();
  const step = (dy: tf.Tensor): { y: tf.Tensor; grads: tf.NamedTensorMap } => {
    const loss = (): tf.Scalar => forward(module, named).mul(dy).sum().asScalar();
    const { value, grads } = tf.variableGrads(loss, [...variables, ...parameters]);
    value.dispose();
    return { y: forward(module, named), grads };
  };
  const { y, grads } = (compiled ? jit(step) : step)(goldenTensor(golden, `${name}/dy`));
  expect(y).toBeAllclose(golden.get(`${name}/y`), tolerance);
  inputs.forEach((input, i) => {
    expect(grads[variables[i]!.name]).toBeAllclose(golden.get(`${name}/d${input}`), tolerance);
  });
  const gradients = parameterGradients(module, grads);
  const recorded = goldenState(golden, `${name}/g/`);
  expect(Object.keys(gradients).sort()).toEqual(Object.keys(recorded).sort());
  for (const [parameter, gradient] of Object.entries(gradients)) {
    expect(gradient).toBeAllclose(recorded[parameter], tolerance);
  }
}
