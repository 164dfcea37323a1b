import type * as tf from '@tensorflow/tfjs';
import type { Value } from './graph/value';

/** What the backend knows of a tensor's data; it serves TensorFlow.js as the `dataId`. */
export class Entry {
  refCount = 1;
  /** The elements, in the graph; `null` for strings, complex numbers and data that has moved to another backend. */
  value: Value | null = null;
  strings: Uint8Array[] | null = null;
  complex: { real: tf.TensorInfo; imag: tf.TensorInfo } | null = null;

  constructor(readonly dtype: tf.DataType) {}

  get isHere(): boolean {
    return this.value !== null || this.strings !== null || this.complex !== null;
  }

  /** Forgets the data. */
  clear(): void {
    this.value = null;
    this.strings = null;
    this.complex = null;
  }
}
