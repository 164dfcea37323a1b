export * as backend from './backend';
export * as check from './check';
export * as io from './io';
export * as metrics from './metrics';
export * as random from './random';
export { jit, useBackend } from './backend';
export { scope, tensorsIn, type Own } from './scope';
