import { OnnxBackend } from './backend';
import { compileFunction } from './jit/compile';

/** The backend with the method by which `jit` of tensor-core knows that it compiles functions. */
export class CompilingOnnxBackend extends OnnxBackend {
  compile<F extends (...args: never[]) => unknown>(fn: F): F {
    return compileFunction(this, fn);
  }
}
