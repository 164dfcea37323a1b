import * as tf from '@tensorflow/tfjs';
import { backend } from '@tfsci/tensor-core';
import {
  assertSameShape,
  NonFiniteError,
  type Parameter,
  type SavedSlot,
  type SavedState,
  type StepEngine,
} from './engine';
import type { ModelConfig } from './model-config';
import type { NonFinitePolicy } from './options';
import { gradientDotWeights, initialState, modelStep, type ModelState } from './model-step';
import type { StepLog } from './step-size';

/**
 * The exact path: averages in float32 as the weights, all global scalars in float64, one pass over
 * plain arrays for the sums and one for the update. On cpu and wasm this beats a kernel per term.
 */
export class HostEngine implements StepEngine {
  private state: ModelState<Float32Array>;
  private readonly shapes: number[][] = [];
  private readonly rowOf = new Map<string, number>();

  constructor(
    private readonly where: string,
    private readonly config: ModelConfig,
    private readonly nonFinite: NonFinitePolicy,
    saved?: SavedState,
  ) {
    this.state = initialState(config.lowerBound);
    if (saved !== undefined) {
      const { slots, ...scalars } = saved;
      this.shapes = slots.map(({ shape }) => shape);
      this.state = { ...scalars, d: slots.map((s) => s.d.slice()), v: slots.map((s) => s.v?.slice() ?? null) };
    }
  }

  step(parameters: Parameter[], loss: tf.Scalar, learningRate: number): StepLog | null {
    const lossValue = (loss.dataSync() as Float32Array)[0]!;
    const step = this.state.step + 1;
    if (this.leavesOut(lossValue, step, 'loss')) return null;

    const rows = parameters.map(({ variable }) => this.rowFor(variable));
    const read = parameters.flatMap(({ variable, gradient }) => [variable, gradient]);
    const values = backend.hostValues(read) as Float32Array[];
    const x = parameters.map((_, i) => values[2 * i]!);
    const g = parameters.map((_, i) => values[2 * i + 1]!);
    const gradDotX = gradientDotWeights(x, g);
    if (this.leavesOut(gradDotX, step, 'gradient')) return null;

    const { log, weights, state } = modelStep(this.state, rows, x, g, gradDotX, lossValue, learningRate, this.config);
    this.state = state;
    parameters.forEach(({ variable }, i) => {
      const value = tf.tensor(weights[i]!, variable.shape, 'float32');
      variable.assign(value);
      value.dispose();
    });
    return log;
  }

  /** Every record is given by its step. */
  latest(): null {
    return null;
  }

  save(): Promise<SavedState> {
    const { d, v, ...scalars } = this.state;
    const slots = d.flatMap((average, row): SavedSlot[] =>
      average === null ? [] : [{ shape: this.shapes[row]!, d: average.slice(), v: v[row]?.slice() ?? null }],
    );
    return Promise.resolve({ ...scalars, slots });
  }

  dispose(): void {
    this.shapes.length = 0;
    this.rowOf.clear();
    this.state = initialState(this.config.lowerBound);
  }

  private leavesOut(value: number, step: number, what: string): boolean {
    if (Number.isFinite(value) || this.nonFinite === 'propagate') return false;
    if (this.nonFinite === 'throw') throw new NonFiniteError(this.where, step, what);
    return true;
  }

  /** Row of a variable's averages: restored rows are claimed in their order, others are new. */
  private rowFor({ name, shape }: tf.Variable): number {
    let row = this.rowOf.get(name);
    if (row === undefined) {
      row = this.rowOf.size;
      const restored = this.shapes[row];
      if (restored === undefined) {
        this.shapes.push(shape);
        this.state.d.push(null);
        this.state.v.push(null);
      } else {
        assertSameShape(this.where, restored, name, shape);
      }
      this.rowOf.set(name, row);
    }
    return row;
  }
}
