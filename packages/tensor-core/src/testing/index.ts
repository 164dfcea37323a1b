export { firstDifference, valuesOf, type CloseOptions, type Values } from './allclose';
export { tensorMatchers } from './matchers';
export { backendsUnderTest } from './backends';
export { finiteDifferences } from './finite-differences';
export { loadGolden, type Golden, type GoldenTensor } from './golden';
