import * as tf from '@tensorflow/tfjs';
import { jit } from '../backend';
import type { Key } from '../random';
import { tensorsIn } from '../scope';
import { scalarsOf, type Scalars } from './scalars';
import type { StepContext, StepFunction, Stepper } from './stepper';

const WHERE = 'tensor-core.fit';

/** The step that a user wrote, compiled if that is wanted. */
export class OwnStep<B extends tf.TensorContainer> implements Stepper<B> {
  private readonly compiled: ((batch: B, key: Key) => Scalars) | null;

  constructor(
    private readonly step: StepFunction<B>,
    compile: boolean,
  ) {
    this.compiled = compile ? jit((batch: B, key: Key) => this.record(batch, timeless(key))) : null;
  }

  run(batch: B, context: StepContext): Scalars[] | Promise<Scalars[]> {
    if (this.compiled) return [this.compiled(batch, context.key)];
    const values = this.call(batch, context);
    return values instanceof Promise ? values.then((scalars) => [scalars]) : [values];
  }

  dispose(): void {}

  private record(batch: B, context: StepContext): Scalars {
    return tf.tidy(() => {
      const values = this.step(batch, context);
      if (!(values instanceof Promise)) return scalarsOf(WHERE, 'step', values);
      // Whether it fails as well does not matter any more.
      values.catch(() => undefined);
      throw new TypeError(
        `${WHERE}: step must answer at once where it is compiled, got a promise. Set compile: false.`,
      );
    });
  }

  /** A tidy, unless a promise comes: what has been made so far is needed until it is kept. */
  private call(batch: B, context: StepContext): Scalars | Promise<Scalars> {
    const engine = tf.engine();
    engine.startScope('step');
    let living: tf.TensorContainer = [];
    try {
      const values = this.step(batch, context);
      if (values instanceof Promise) {
        living = [...engine.state.activeScope.track];
        return values.then(adopted);
      }
      const scalars = scalarsOf(WHERE, 'step', values);
      living = scalars;
      return scalars;
    } finally {
      engine.endScope(living);
    }
  }
}

/** The scalars of a promise, which are the loop's now. */
function adopted(values: unknown): Scalars {
  try {
    return scalarsOf(WHERE, 'step', values);
  } finally {
    for (const tensor of tensorsIn(values)) if (!(tensor instanceof tf.Variable)) tensor.dispose();
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
