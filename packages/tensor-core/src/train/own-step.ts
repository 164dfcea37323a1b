import * as tf from '@tensorflow/tfjs';
import { jit } from '../backend';
import type { Key } from '../random';
import { scalarsOf, type Scalars } from './scalars';
import type { StepContext, StepFunction, Stepper } from './stepper';

/** The step that a user wrote, compiled if that is wanted. */
export class OwnStep<B extends tf.TensorContainer> implements Stepper<B> {
  private readonly compiled: ((batch: B, key: Key) => Scalars) | null;

  constructor(
    private readonly step: StepFunction<B>,
    compile: boolean,
  ) {
    this.compiled = compile ? jit((batch: B, key: Key) => this.call(batch, timeless(key))) : null;
  }

  run(batch: B, context: StepContext): Scalars[] {
    return [this.compiled ? this.compiled(batch, context.key) : this.call(batch, context)];
  }

  dispose(): void {}

  private call(batch: B, context: StepContext): Scalars {
    return tf.tidy(() => scalarsOf('tensor-core.fit', 'step', this.step(batch, context)));
  }
}

function timeless(key: Key): StepContext {
  return {
    key,
    get step(): number {
      throw new Error(
        'tensor-core.fit: step must not be read in a compiled step, where it would stay what it was at first. Draw with ' +
          'the key, count in a tf.Variable, or set compile: false.',
      );
    },
  };
}
