import { activations } from './activations';
import { arithmetic } from './arithmetic';
import { comparison } from './comparison';
import { complexLowerings } from './complex';
import { creation } from './creation';
import { fourier } from './fourier';
import { image } from './image';
import { indexing } from './indexing';
import { normalization } from './normalization';
import { order } from './order';
import { padding } from './padding';
import { products } from './products';
import { reductions } from './reductions';
import { convolution } from './convolution';
import { convolution3D } from './convolution-3d';
import { convolutionGradients } from './convolution-gradients';
import { depthwise } from './depthwise';
import { dilation } from './dilation';
import { pooling } from './pooling';
import { poolingGradients } from './pooling-gradients';
import { registerKernels } from './registry';
import { resizing } from './resizing';
import { segments } from './segments';
import { slicing } from './slicing';
import { tensorKernels } from './tensors';
import { unary } from './unary';

/** Tells TensorFlow.js about every kernel of the backend. */
export function registerOnnxKernels(): void {
  const lowerings = {
    ...arithmetic,
    ...comparison,
    ...unary,
    ...activations,
    ...slicing,
    ...padding,
    ...order,
    ...resizing,
    ...image,
    ...reductions,
    ...products,
    ...normalization,
    ...indexing,
    ...segments,
    ...convolution,
    ...convolution3D,
    ...convolutionGradients,
    ...depthwise,
    ...dilation,
    ...pooling,
    ...poolingGradients,
  };
  registerKernels(lowerings, { ...complexLowerings(lowerings), ...fourier }, { ...tensorKernels, ...creation });
}
