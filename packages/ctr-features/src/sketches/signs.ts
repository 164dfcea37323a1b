import { random } from '@tfsci/tensor-core';

/** Numbers on the host; `im` is null where all are real. */
export interface HostPair {
  re: Float32Array;
  im: Float32Array | null;
}

/** Independent signs, each as likely: 1 and -1, or 1, i, -1 and -i. */
export function drawSigns(key: random.Key, size: number, complex: boolean): HostPair {
  const quarters = random.fillIntegers(key, new Int32Array(size), { low: 0, high: complex ? 4 : 2 });
  const re = new Float32Array(size);
  if (!complex) {
    quarters.forEach((half, i) => (re[i] = 1 - 2 * half));
    return { re, im: null };
  }
  const im = new Float32Array(size);
  quarters.forEach((quarter, i) => ((quarter % 2 === 0 ? re : im)[i] = quarter < 2 ? 1 : -1));
  return { re, im };
}
