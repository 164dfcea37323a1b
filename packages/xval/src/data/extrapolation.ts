import { check } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber } = check;

/** dy/dt: writes the derivative of `y` at time t into `out`. */
export type Derivative = (t: number, y: Float64Array, out: Float64Array) => void;

/** Options of `solveOde`. */
export interface OdeOptions {
  /** Allowed error of a step, relative to each component; default 1e-12. */
  relativeTolerance?: number;
  /** The same in the units of y, default that of relativeTolerance. */
  absoluteTolerance?: number;
}

/** Substeps of the midpoint rule in the columns of the extrapolation. */
const SUBSTEPS = [2, 4, 6, 8, 10, 12, 14, 16];
/** A step that would have to be shorter, in parts of the time, says that the problem is singular there. */
const SHORTEST = 1e-13;

/**
 * The solution of dy/dt = f(t, y) at increasing times, by the method of Gragg, Bulirsch and Stoer: midpoint rules with more
 * and more substeps, extrapolated to none, of an order up to 16; float64, steps chosen by the error.
 *
 * @param f      writes the derivative
 * @param start  y at times[0], [D]
 * @param times  increasing, [S]
 * @returns y at each time, [S, D]
 * @throws RangeError when times do not increase, a value is not finite or the step becomes too small
 * @see Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I, sec. II.9
 */
export function solveOde(
  f: Derivative,
  start: ArrayLike<number>,
  times: ArrayLike<number>,
  options: OdeOptions = {},
): Float64Array[] {
  const where = 'xval.solveOde';
  const relative = checkNumber(where, 'relativeTolerance', options.relativeTolerance ?? 1e-12, { above: 0, below: 1 });
  const absolute = checkNumber(where, 'absoluteTolerance', options.absoluteTolerance ?? relative, { above: 0 });
  checkTimes(where, times);
  const stepper = new ExtrapolatedStep(f, start.length, relative, absolute);
  let y = Float64Array.from(start);
  const solution = [y.slice()];
  let step = 0;
  for (let i = 1; i < times.length; i++) {
    let t = times[i - 1]!;
    const end = times[i]!;
    if (step === 0) step = (end - t) / 4;
    while (t < end) {
      const size = Math.min(step, end - t);
      const isWhole = size === step;
      const columns = stepper.tryStep(t, y, size);
      if (columns === null) {
        step = size / 2;
        if (step < SHORTEST * Math.max(Math.abs(t), 1)) {
          throw new RangeError(
            `${where}: the solution must be smooth, and has no step at t = ${t}. Do bodies collide?`,
          );
        }
        continue;
      }
      y = stepper.result.slice();
      t = size === end - t ? end : t + size;
      // Few columns say that the step was easy; what was cut at the end says nothing about the next one.
      if (columns <= 5 && isWhole) step *= 1.6;
      else if (columns >= 8) step = size * 0.7;
    }
    solution.push(y.slice());
  }
  return solution;
}

/** One step of the method, with its memory. */
class ExtrapolatedStep {
  result: Float64Array;
  private readonly table: Float64Array[];
  private readonly work: [Float64Array, Float64Array, Float64Array];

  constructor(
    private readonly f: Derivative,
    private readonly size: number,
    private readonly relative: number,
    private readonly absolute: number,
  ) {
    this.table = SUBSTEPS.map(() => new Float64Array(size));
    this.work = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
    this.result = this.table[0]!;
  }

  /** @returns how many columns were needed; null when all were too few */
  tryStep(t: number, y: Float64Array, size: number): number | null {
    const { table } = this;
    for (let j = 0; j < SUBSTEPS.length; j++) {
      // The row above is overwritten from the left; what it had is needed once.
      this.midpoint(t, y, size, SUBSTEPS[j]!, table[j]!);
      for (let k = j - 1; k >= 0; k--) {
        const ratio = (SUBSTEPS[j]! / SUBSTEPS[k]!) ** 2 - 1;
        const [from, to] = [table[k + 1]!, table[k]!];
        for (let d = 0; d < this.size; d++) {
          to[d] = from[d]! + (from[d]! - to[d]!) / ratio;
        }
      }
      if (j >= 2 && this.error(y, table[0]!, table[1]!) <= 1) {
        this.result = table[0]!;
        return j + 1;
      }
    }
    return null;
  }

  /** Gragg's rule with n substeps; its error has even powers of the substep only. */
  private midpoint(t: number, y: Float64Array, size: number, n: number, out: Float64Array): void {
    const { f } = this;
    const h = size / n;
    const slope = this.work[2];
    let [before, now] = this.work;
    before.set(y);
    f(t, y, slope);
    for (let d = 0; d < y.length; d++) now[d] = y[d]! + h * slope[d]!;
    for (let m = 1; m < n; m++) {
      f(t + m * h, now, slope);
      for (let d = 0; d < y.length; d++) before[d] = before[d]! + 2 * h * slope[d]!;
      [before, now] = [now, before];
    }
    f(t + size, now, slope);
    for (let d = 0; d < y.length; d++) out[d] = 0.5 * (now[d]! + before[d]! + h * slope[d]!);
  }

  /** The largest difference in units of what is allowed; NaN counts as too much. */
  private error(y: Float64Array, one: Float64Array, other: Float64Array): number {
    let worst = 0;
    for (let d = 0; d < y.length; d++) {
      const allowed = this.absolute + this.relative * Math.max(Math.abs(y[d]!), Math.abs(one[d]!));
      const own = Math.abs(one[d]! - other[d]!) / allowed;
      if (!(own <= worst)) worst = Number.isNaN(own) ? Infinity : own;
    }
    return worst;
  }
}

function checkTimes(where: string, times: ArrayLike<number>): void {
  for (let i = 0; i < times.length; i++) {
    const time = checkNumber(where, `times[${i}]`, times[i]);
    if (i > 0 && time <= times[i - 1]!) {
      throw new RangeError(argumentMessage(where, `times[${i}]`, `be after ${times[i - 1]!}`, time));
    }
  }
}
