// L rows, n and m numbers in a row of x and of y
import { argsortFloats, sortFloats } from './radix-sort';
import type { TransportPlan } from './transport-plan';
import { rowKernel } from './wasm/row-kernel';

/** L problems of optimal transport on the line, in typed arrays. */
export interface RowProblem {
  plan: TransportPlan;
  p: number;
  /** [L, n], read only */
  x: Float32Array;
  /** [L, m], read only */
  y: Float32Array;
  /** [L], written: W_p^p of each row */
  costs: Float64Array;
  /** Derivatives of each row's cost in its numbers, [L, n] and [L, m], written; none are found where they are missing. */
  slopes?: { x: Float32Array; y: Float32Array };
}

/** Scratch of one row, kept between calls. */
interface Scratch {
  x: Float32Array;
  y: Float32Array;
  orderX: Int32Array;
  orderY: Int32Array;
}

let scratch: Scratch = roomFor(0, 0);

/** Solves rows first .. last - 1 of a problem, in WebAssembly where it can be had. */
export function solveRows(problem: RowProblem, first = 0, last = problem.costs.length): void {
  const { plan, p, costs, slopes } = problem;
  const { n, m } = plan;
  const kernel = rowKernel(Math.max(n, m));
  const sorts = kernel ?? { sortFloats, argsortFloats };
  if (scratch.x.length !== n || scratch.y.length !== m) scratch = roomFor(n, m);
  const { x, y, orderX, orderY } = scratch;
  for (let row = first; row < last; row++) {
    const [numbersX, numbersY] = [rowOf(problem.x, row, n), rowOf(problem.y, row, m)];
    const out = slopes && { x: rowOf(slopes.x, row, n), y: rowOf(slopes.y, row, m) };
    if (kernel && plan.kind === 'equal' && (p === 1 || p === 2)) {
      costs[row] = kernel.equalCost(numbersX, numbersY, p, out);
      continue;
    }
    if (out || plan.kind === 'weighted') {
      sorts.argsortFloats(numbersX, x, orderX);
      sorts.argsortFloats(numbersY, y, orderY);
    } else {
      sorts.sortFloats(numbersX, x);
      sorts.sortFloats(numbersY, y);
    }
    costs[row] = plan.kind === 'equal' ? equalCost(scratch, p, out) : mergedCost(scratch, p, plan, out);
  }
}

type Slopes = RowProblem['slopes'];

/** mean_i |x_(i) - y_(i)|^p and p |x_(i) - y_(i)|^(p-1) sign(x_(i) - y_(i)) / n at the place that number i came from. */
function equalCost({ x, y, orderX, orderY }: Scratch, p: number, slopes: Slopes): number {
  const n = x.length;
  let sum = 0;
  if (p === 2) for (let i = 0; i < n; i++) sum += (x[i]! - y[i]!) ** 2;
  else if (p === 1) for (let i = 0; i < n; i++) sum += Math.abs(x[i]! - y[i]!);
  else for (let i = 0; i < n; i++) sum += Math.abs(x[i]! - y[i]!) ** p;
  if (slopes) {
    for (let i = 0; i < n; i++) {
      const slope = powerSlope(x[i]! - y[i]!, p) / n;
      slopes.x[orderX[i]!] = slope;
      slopes.y[orderY[i]!] = -slope;
    }
  }
  return sum / n;
}

type Merged = Exclude<TransportPlan, { kind: 'equal' }>;

/** sum_k mass_k |x_(i(k)) - y_(j(k))|^p over the intervals of the levels on which both quantile functions are constant. */
function mergedCost({ x, y, orderX, orderY }: Scratch, p: number, plan: Merged, slopes: Slopes): number {
  let sum = 0;
  slopes?.x.fill(0);
  slopes?.y.fill(0);
  const move = (i: number, j: number, mass: number): void => {
    const difference = x[i]! - y[j]!;
    sum += mass * Math.abs(difference) ** p;
    if (!slopes) return;
    const slope = mass * powerSlope(difference, p);
    slopes.x[orderX[i]!]! += slope;
    slopes.y[orderY[j]!]! -= slope;
  };
  if (plan.kind === 'uniform') {
    const { fromX, fromY, mass } = plan;
    for (let k = 0; k < mass.length; k++) move(fromX[k]!, fromY[k]!, mass[k]!);
    return sum;
  }
  const { a, b, n, m } = plan;
  // What is left of each point's mass: the smaller part moves, and one of the two is then exactly 0. Masses add up to 1
  // but for rounding, which leaves the last point of one side with 1e-16 that nobody takes.
  let [i, j] = [0, 0];
  let [ofX, ofY] = [a[orderX[0]!]!, b[orderY[0]!]!];
  while (i < n && j < m) {
    const mass = Math.min(ofX, ofY);
    if (mass > 0) move(i, j, mass);
    ofX -= mass;
    ofY -= mass;
    if (ofX === 0 && ++i < n) ofX = a[orderX[i]!]!;
    if (ofY === 0 && ++j < m) ofY = b[orderY[j]!]!;
  }
  return sum;
}

/** d|r|^p / dr, 0 at r = 0. */
function powerSlope(r: number, p: number): number {
  if (p === 2) return 2 * r;
  if (p === 1) return Math.sign(r);
  return p * Math.abs(r) ** (p - 1) * Math.sign(r);
}

function rowOf(values: Float32Array, row: number, length: number): Float32Array {
  return values.subarray(row * length, (row + 1) * length);
}

function roomFor(n: number, m: number): Scratch {
  return { x: new Float32Array(n), y: new Float32Array(m), orderX: new Int32Array(n), orderY: new Int32Array(m) };
}
