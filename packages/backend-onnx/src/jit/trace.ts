import type { Entry } from '../entry';
import type { Elements, Shape, Storage, Value } from '../graph/value';

/** A tensor that the host fills before each run. */
export interface Draw {
  /** Stands for the elements, which are other ones at each run. */
  storage: Storage;
  shape: Shape;
  /** Writes them into a zeroed array. */
  fill: (out: Elements) => void;
}

/** What is found out about a function while it is recorded. */
export class Trace {
  /** Tensors made by nodes of this recording that are alive. */
  readonly entries = new Set<Entry>();
  readonly draws: Draw[] = [];
  /** What JavaScript does after each run. */
  readonly effects: (() => void)[] = [];
  /** Constants that the function has made, in order. */
  readonly constants: Value[] = [];

  /** @throws Error that says what the function must not do */
  refuse(what: string): never {
    throw new Error(
      `backend-onnx.jit: a compiled function must be recordable without values, but ${what}. Return the tensor and read ` +
        'it outside, or keep this part outside of the compiled function.',
    );
  }
}
