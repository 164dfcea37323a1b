import type { Sample } from '../batches/padded';
import type { Numformer } from '../model/numformer';
import { checkPositions, inText, readSamples, type InvertibleMap, type MaskingOptions } from './masked-rows';
import { checkModel } from './model-programs';
import { runRows, type RunOptions } from './run-rows';

/** How a predicted number follows the others of its text. */
export interface NumberSlopes {
  /** nu in the units of the text. */
  value: number;
  /** d value / d number in the units of the text, [L]; 0 at tokens that are none, and at the masked one. */
  slopes: Float64Array;
}

/** A step of the scaler's argument, as a part of 1 or of its size, whose difference is a slope to 10 figures. */
const STEP = 1e-5;

/**
 * How a predicted number changes with each number of its text: what the prediction rests on.
 *
 *   slopes_t = d nu_position / d num_t
 *
 * xVal is a continuous function of its numbers, so that this exists; encodings by digits jump.
 *
 * @param model     not causal, with a number head
 * @param sample    a tokenised text
 * @param position  of the number that is predicted; it is masked
 * @throws as `predictMasked`
 * @see Golkar et al., 2023, sec. 2, arXiv:2310.02989
 */
export async function numberSlopes(
  model: Numformer,
  sample: Sample,
  position: number,
  options: MaskingOptions & Pick<RunOptions, 'signal'>,
): Promise<NumberSlopes> {
  const where = 'xval.numberSlopes';
  const { numberId } = checkModel(where, model, { causal: false, numbers: true }).config;
  const { maskId, scaler } = options;
  const [read] = readSamples(where, model, [sample], options) as [ReturnType<typeof readSamples>[number]];
  checkPositions(where, [position], read.ids.length, 0);
  const rows = [{ ...read, masked: [position], positions: [position] }];
  let [nu, gradient] = [0, new Float32Array(0)];
  await runRows(where, { model, question: 'slopes', maskId }, rows, options, (_row, answers) => {
    [nu, gradient] = [answers[0]!, answers.slice(1)];
  });
  const outer = slopeOf((values) => inText(scaler, values), nu);
  const slopes = Float64Array.from(read.ids, (id, t) => {
    if (id !== numberId || t === position) return 0;
    return outer * gradient[t]! * slopeOf((values) => scaled(scaler, values), sample.numbers[t]!);
  });
  return { value: inText(scaler, Float64Array.of(nu))[0]!, slopes };
}

function scaled(scaler: InvertibleMap | undefined, values: Float64Array): Float64Array {
  return scaler === undefined ? values : scaler.transform(values);
}

/** The derivative of a map of numbers. */
function slopeOf(map: (values: Float64Array) => Float64Array, at: number): number {
  const step = STEP * Math.max(1, Math.abs(at));
  const [low, high] = map(Float64Array.of(at - step, at + step)) as unknown as [number, number];
  return (high - low) / (2 * step);
}
