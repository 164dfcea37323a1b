import * as tf from '@tensorflow/tfjs';

/** Runs `fn` and gives its result; fails if a kernel in it was handed to the host instead of being lowered. */
export function expectLowered<T>(fn: () => T): T {
  const handed: string[] = [];
  const restore = tf.getKernelsForBackend('cpu').map(({ kernelName, kernelFunc, ...rest }) => {
    const original = { kernelName, kernelFunc, ...rest };
    replace({ ...original, kernelFunc: (args) => (handed.push(kernelName), kernelFunc(args)) });
    return () => replace(original);
  });
  let result: T;
  try {
    result = fn();
  } finally {
    restore.forEach((put) => put());
  }
  if (handed.length > 0)
    throw new Error(`these kernels must be lowered, and were handed to the host: ${handed.join()}`);
  return result;
}

function replace(config: tf.KernelConfig): void {
  tf.unregisterKernel(config.kernelName, 'cpu');
  tf.registerKernel(config);
}
