import type * as tf from '@tensorflow/tfjs';

/** How large a workload is: as it is measured, or just large enough to see that all sides compute the same. */
export type SizeName = 'full' | 'tiny';
export const SIZE_NAMES: readonly SizeName[] = ['full', 'tiny'];

/** A computation that has its weights and data. */
export interface Computation {
  /** Computes once: a training step gives its loss [], a forward pass its output. The result is the caller's. */
  step: () => tf.Tensor;
}

/** A computation to measure, as its file describes it; S are its sizes. */
export interface Definition<S extends object> {
  /** As on the command line. */
  name: string;
  title: string;
  /** What is computed, at which size. */
  describe: (sizes: S) => string;
  /** What `step` gives: the loss of a training step, or the output of a forward pass. */
  gives: 'loss' | 'output';
  /** The file of its PyTorch twin, peers/<peer>.py. */
  peer: string;
  /** Ways in which the twin can be told to compute; the fastest is measured. Default: one. */
  peerVariants?: readonly string[];
  /** Whether a step takes TensorFlow.js's wasm backend seconds, not minutes. */
  affordableOnWasm: boolean;
  sizes: Record<SizeName, S>;
  /** In plain TensorFlow.js operations, on the active backend. */
  make: (sizes: S) => Computation;
}

/** A workload of the registry, its sizes known by name only. */
export interface Workload extends Pick<Definition<object>, 'name' | 'title' | 'gives' | 'peer' | 'affordableOnWasm'> {
  peerVariants: readonly string[];
  sizes: Record<SizeName, object>;
  description: (size: SizeName) => string;
  make: (size: SizeName) => Computation;
}

/** A workload of its definition. */
export function workload<S extends object>(definition: Definition<S>): Workload {
  const { describe, make, sizes, peerVariants = ['plain'], ...rest } = definition;
  return {
    ...rest,
    peerVariants,
    sizes,
    description: (size) => describe(sizes[size]),
    make: (size) => make(sizes[size]),
  };
}
