import type { Builder } from './builder';
import type { ElementType, Value } from './value';

/** x as another type by the rules of TensorFlow.js: floats are cut off towards 0, all that is not 0 is true. */
export function cast(graph: Builder, x: Value, type: ElementType): Value {
  if (x.type === 'float32' && type === 'bool') return graph.not(graph.equal(x, graph.scalar('float32', 0)));
  return graph.cast(x, type);
}

/** The wider of two types: bool < int32 < float32. */
export function upcast(a: ElementType, b: ElementType): ElementType {
  if (a === 'float32' || b === 'float32') return 'float32';
  return a === 'int32' || b === 'int32' ? 'int32' : 'bool';
}
