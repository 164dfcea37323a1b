// M examples, C outputs of the network, N units of a hidden layer.
import * as tf from '@tensorflow/tfjs';
import { check, type random } from '@tfsci/tensor-core';
import type { Feedback } from '../feedback/feedback';
import { onMirrors, ternaryFrames } from './frames';
import { opposedShots } from './opposed-shots';
import type { OpticalProcessor } from './optical-processor';
import type { OpuSimulator } from './opu-simulator';

const { argumentMessage, checkNumber, checkShape, ShapeError } = check;

/** Options of `opticalFeedback`. */
export interface OpticalFeedbackOptions {
  /** What a difference of counts is multiplied by: 1 / (4 A a), or as `calibrateProcessor` finds it. */
  scale: number;
  /** C, outputs of the network, default the inputs of the processor; other mirrors stay dark. */
  outputs?: number;
  /** Ends a measurement. */
  signal?: AbortSignal;
}

/** Feedback by a device, with what its camera told last. */
export interface OpticalFeedback extends Feedback {
  /** Part of the pixels that were full in the last measurement; null before, and where saturation is not known. */
  readonly saturated: number | null;
}

/**
 * Feedback through an optical processor: one shot for all hidden layers, layer l gets its own pixels.
 *
 *   f = scale * s ((c_0 - c_2) of e > 0, less that of e < 0),  c_k counts with the reference at k pi / 2
 *
 * Errors have to be ternary codes 0, s and -s. All frames of a batch are shown at one phase, then at the other.
 *
 * @param processor  stays the caller's
 * @throws RangeError for a scale that is not above 0 and outputs above the inputs; `signals` rejects with RangeError for errors
 *   that are no ternary codes, ShapeError for other outputs and for layers with more units in all than there are pixels, and
 *   ShapeError when the processor gives another number of counts
 * @see Launay et al., 2020, "Hardware beyond backpropagation: a photonic co-processor for direct feedback alignment",
 *   arXiv:2012.06373
 */
export function opticalFeedback(processor: OpticalProcessor, options: OpticalFeedbackOptions): OpticalFeedback {
  const where = 'opu-dfa.opticalFeedback';
  const { scale, outputs = processor.inputs, signal } = options;
  checkNumber(where, 'scale', scale, { above: 0 }, 'calibrateProcessor measures it.');
  checkNumber(where, 'outputs', outputs, { min: 1, max: processor.inputs, integer: true });
  let saturated: number | null = null;

  const signals = async (e_MC: tf.Tensor2D, widths: readonly number[], key: random.Key): Promise<tf.Tensor2D[]> => {
    const where = 'opu-dfa.opticalFeedback.signals';
    checkUnits(where, e_MC, outputs, widths, processor.outputs);
    const { frames, magnitude } = ternaryFrames(where, await e_MC.data());
    const examples = e_MC.shape[0];
    const shown = onMirrors(frames, 2 * examples, outputs, processor.inputs);
    const shots = await opposedShots(where, processor, shown, 2 * examples, key, signal);
    saturated = shots.saturated;
    const factor = scale * magnitude;
    const pixels = processor.outputs;
    const lengths = offsetsOf(widths);
    return lengths.map(([first, width]) => {
      const f = new Float32Array(examples * width);
      for (let i = 0; i < examples; i++) {
        const above = i * pixels + first;
        const below = above + examples * pixels;
        for (let j = 0; j < width; j++) {
          f[i * width + j] = factor * (shots.difference[above + j]! - shots.difference[below + j]!);
        }
      }
      return tf.tensor2d(f, [examples, width]);
    });
  };
  return {
    outputs,
    compiles: false,
    ternaryOnly: true,
    variables: {},
    get saturated() {
      return saturated;
    },
    signals,
    dispose: () => undefined,
  };
}

/**
 * Feedback through a simulated processor by tensor operations alone, so that it can be part of a compiled step.
 *
 *   f = OpuSimulator.project(e), columns split among the layers
 *
 * @param simulator  stays the caller's
 * @throws `signals`: ShapeError for other outputs and for layers with more units in all than there are pixels; TypeError for
 *   noise without a key
 */
export function simulatedFeedback(simulator: OpuSimulator): Feedback {
  return {
    outputs: simulator.inputs,
    compiles: simulator.compiles,
    ternaryOnly: !simulator.isIdeal,
    variables: simulator.matrix.variables,
    signals: (e_MC, widths, key) => {
      const where = 'opu-dfa.simulatedFeedback.signals';
      const units = checkUnits(where, e_MC, simulator.inputs, widths, simulator.outputs);
      return tf.tidy(() => {
        const all = simulator.project(e_MC, units, key);
        return widths.length === 1 ? [all] : tf.split<tf.Tensor2D>(all, [...widths], 1);
      });
    },
    dispose: () => undefined,
  };
}

/** The first pixel and the number of pixels of each layer. */
function offsetsOf(widths: readonly number[]): [number, number][] {
  let first = 0;
  return widths.map((width) => {
    first += width;
    return [first - width, width];
  });
}

/** The units of all layers. @throws ShapeError, RangeError where errors or layers do not fit */
function checkUnits(
  where: string,
  e_MC: tf.Tensor2D,
  outputs: number,
  widths: readonly number[],
  pixels: number,
): number {
  checkShape(where, 'e', e_MC, [null, outputs], 'It has one column for each output of the network.');
  widths.forEach((width, i) => checkNumber(where, `widths[${i}]`, width, { min: 1, integer: true }));
  const units = widths.reduce((sum, width) => sum + width, 0);
  if (units > 0 && units <= pixels) return units;
  const wanted = `have from 1 to ${pixels} units in all, the outputs of the processor`;
  throw new ShapeError(argumentMessage(where, 'widths', wanted, [...widths]));
}
