import * as tf from '@tensorflow/tfjs';
import type { OnnxBackend } from '../backend';
import type { Elements } from '../graph/value';
import { CompiledCall } from './compiled-call';
import { flatten } from './containers';
import { record } from './record';
import type { Trace } from './trace';

/** Recordings that a function keeps; of more, the one that was made first goes. */
const MOST_SIGNATURES = 64;

/**
 * A function that does what `fn` does, recorded once per signature of its arguments.
 *
 * Inside of another compiled function and while gradients are being recorded it just calls `fn`. A function that
 * makes variables (an optimizer's first step) is recorded again at its second call.
 */
export function compileFunction<F extends (...args: never[]) => unknown>(backend: OnnxBackend, fn: F): F {
  const calls = new Map<string, CompiledCall>();
  const compiled = (...args: unknown[]): unknown => {
    if (backend.trace || tf.engine().state.gradientDepth > 0) return fn(...(args as never[]));
    const { structure, tensors } = flatten(args);
    const earlier = calls.get(structure);
    if (earlier?.isValid()) return earlier.run(tensors);
    const recorded = record(backend, fn, args);
    if (earlier) freeChanged(recorded.trace, earlier.trace);
    const call = new CompiledCall(backend, recorded);
    earlier?.dispose();
    calls.delete(structure);
    if (call.repeats) calls.set(structure, call);
    forgetOldest(calls);
    return call.run(tensors);
  };
  return compiled as unknown as F;
}

/** A number that counts steps would make a signature of each. */
function forgetOldest(calls: Map<string, CompiledCall>): void {
  const [oldest] = calls.keys();
  if (oldest === undefined || calls.size <= MOST_SIGNATURES) return;
  calls.get(oldest)!.dispose();
  calls.delete(oldest);
}

/**
 * Constants that differ from those of the recording before (a learning rate) become inputs, so that the next
 * change needs no compilation.
 */
function freeChanged(trace: Trace, before: Trace): void {
  const { constants } = trace;
  if (constants.length !== before.constants.length) return;
  constants.forEach((value, i) => {
    const old = before.constants[i]!;
    const changed = old.constant === null || !sameElements(value.constant!, old.constant);
    if (changed) value.free();
  });
}

function sameElements(a: Elements, b: Elements): boolean {
  return a.length === b.length && a.every((element: number | bigint, i: number) => Object.is(element, b[i]));
}
