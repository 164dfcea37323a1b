import { checkNumber, checkOneOf } from '../check';
import { makeSchedule, type Schedule } from './schedule';

/** Options of `oneCycle`; the defaults are PyTorch's. */
export interface OneCycleOptions {
  /** The largest value. */
  max: number;
  /** Steps in all, >= 2. */
  steps: number;
  /** Share of the steps in which the value rises, in [0, 1] (with three phases [0, 1/2]); default 0.3. */
  pctStart?: number;
  /** Default 'cos'. */
  anneal?: 'cos' | 'linear';
  /** The first value is max / divFactor; default 25. */
  divFactor?: number;
  /** The last value is the first one / finalDivFactor; default 1e4. */
  finalDivFactor?: number;
  /** Whether the fall mirrors the rise, and a third phase goes on to the last value; default false. */
  threePhase?: boolean;
}

/**
 * One rise and one fall.
 *
 *   first = max / divFactor, last = first / finalDivFactor
 *   two phases:    first -> max up to step pctStart steps - 1, max -> last up to step steps - 1
 *   three phases:  first -> max up to pctStart steps - 1, max -> first up to 2 pctStart steps - 2, first -> last
 *
 * @throws TypeError, RangeError for a bad option
 * @see Smith, Topin, 2018, arXiv:1708.07120
 * @remarks The rates of torch.optim.lr_scheduler.OneCycleLR, which moves the momentum too; this one does not. After the
 *   last step, where PyTorch throws, the last value stays.
 */
export function oneCycle(options: OneCycleOptions): Schedule {
  const where = 'tensor-core.oneCycle';
  const {
    max,
    steps,
    pctStart = 0.3,
    anneal = 'cos',
    divFactor = 25,
    finalDivFactor = 1e4,
    threePhase = false,
  } = options;
  checkNumber(where, 'max', max);
  checkNumber(where, 'steps', steps, { min: 2, integer: true });
  checkNumber(where, 'pctStart', pctStart, { min: 0, max: threePhase ? 0.5 : 1 });
  checkOneOf(where, 'anneal', anneal, ['cos', 'linear']);
  checkNumber(where, 'divFactor', divFactor, { above: 0 });
  checkNumber(where, 'finalDivFactor', finalDivFactor, { above: 0 });
  const first = max / divFactor;
  const last = first / finalDivFactor;
  const peak = pctStart * steps - 1;
  const phases = threePhase
    ? [
        { end: peak, from: first, to: max },
        { end: 2 * pctStart * steps - 2, from: max, to: first },
        { end: steps - 1, from: first, to: last },
      ]
    : [
        { end: peak, from: first, to: max },
        { end: steps - 1, from: max, to: last },
      ];
  const config = { kind: 'oneCycle', max, steps, pctStart, anneal, divFactor, finalDivFactor, threePhase };
  return makeSchedule(where, config, (t) => {
    const place = phases.findIndex(({ end }) => t <= end);
    if (place < 0) return last;
    const { end, from, to } = phases[place]!;
    const start = place === 0 ? 0 : phases[place - 1]!.end;
    const share = end === start ? 1 : (t - start) / (end - start);
    return anneal === 'linear' ? from + (to - from) * share : to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share));
  });
}
