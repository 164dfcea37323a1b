import { register } from './register';

register();

export { jit } from './jit/jit';
export { toOnnx, type Exportable, type ToOnnxOptions } from './export/to-onnx';
export { backendInfo, configure, endProfiling } from './settings';
export type { BackendInfo } from './settings';
export type { OnnxOptions } from './options';
