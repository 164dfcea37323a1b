import { argumentMessage, checkNumber, ShapeError } from '../check';

/** Numbers of a picture; values that are not finite leave gaps. */
export type Numbers = ArrayLike<number>;

/** What every mark may have. */
export interface MarkOptions {
  /** Named in the legend, in the mark's colour. */
  label?: string;
  /** A CSS colour; by default the next one of the palette, the same for marks of the same label. */
  color?: string;
}

/** Options of line. */
export interface LineOptions extends MarkOptions {
  /** In pixels, default 2. */
  width?: number;
  /** Lengths of dashes and gaps in pixels, such as '4,3'; default solid. */
  dash?: string;
}

/** Options of band. */
export interface BandOptions extends MarkOptions {
  /** Default 0.2. */
  opacity?: number;
}

/** Options of scatter. */
export interface ScatterOptions extends MarkOptions {
  /** In pixels, default 2.5. */
  radius?: number;
  /** Colours each point by a number instead, on the perceptual scale of `image`. */
  values?: Numbers;
  /** Drawn instead of dots, such as '✕'. */
  symbol?: string;
}

/** Options of histogram. */
export interface HistogramOptions extends MarkOptions {
  /** How many bins of equal width, default 30. */
  bins?: number;
  /** Least and greatest value that are counted, default those of the values. */
  range?: readonly [number, number];
  /** Scales the counts so that the area is 1, default true. */
  density?: boolean;
}

/** Options of image. */
export interface ImageOptions {
  /** What the first and the last colour stand for, default the least and the greatest value. */
  range?: readonly [number, number];
  /** Name of a colour scheme of Observable Plot, default 'viridis'; 'rdbu', 'greys', 'magma', ... */
  scheme?: string;
  /** Where the picture lies, [x0, x1] and [y0, y1]; default [0, columns] and [0, rows]. */
  x?: readonly [number, number];
  y?: readonly [number, number];
  /** Row 0 is the top (default) or the bottom one. */
  origin?: 'top' | 'bottom';
}

/** Options of contour. */
export interface ContourOptions extends MarkOptions, Pick<ImageOptions, 'x' | 'y'> {
  /** Values whose lines are drawn; default ten of them, evenly spaced. */
  levels?: Numbers;
  /** In pixels, default 1.5. */
  width?: number;
}

/** One thing to draw; made by `line`, `band`, `scatter`, `histogram`, `image`, `contour`, `rule` and
 * `text`. */
export type Mark =
  | ({ kind: 'line'; x: Numbers; y: Numbers } & LineOptions)
  | ({ kind: 'band'; x: Numbers; low: Numbers; high: Numbers } & BandOptions)
  | ({ kind: 'scatter'; x: Numbers; y: Numbers } & ScatterOptions)
  | ({ kind: 'histogram'; edges: Numbers; heights: Numbers } & MarkOptions)
  | ({ kind: 'image'; values: Numbers; rows: number; columns: number } & ImageOptions)
  | ({ kind: 'contour'; values: Numbers; rows: number; columns: number } & ContourOptions)
  | ({ kind: 'rule'; x?: number; y?: number } & LineOptions)
  | ({ kind: 'text'; x: number; y: number; text: string } & MarkOptions);

/** A line through points. @throws ShapeError when the numbers of x and y differ */
export function line(x: Numbers, y: Numbers, options: LineOptions = {}): Mark {
  checkLengths('line', { x, y });
  return { kind: 'line', x, y, ...options };
}

/** The area between two curves, such as a range of seeds or a credible interval. @throws ShapeError as `line` */
export function band(x: Numbers, low: Numbers, high: Numbers, options: BandOptions = {}): Mark {
  checkLengths('band', { x, low, high });
  return { kind: 'band', x, low, high, ...options };
}

/** Points. @throws ShapeError when the numbers of x, y and values differ */
export function scatter(x: Numbers, y: Numbers, options: ScatterOptions = {}): Mark {
  checkLengths('scatter', options.values ? { x, y, values: options.values } : { x, y });
  return { kind: 'scatter', x, y, ...options };
}

/**
 * The distribution of values.
 *
 * @param values  at least one finite number; others are passed over
 * @throws RangeError when none is finite, bins is not a positive integer or the range is empty
 */
export function histogram(values: Numbers, options: HistogramOptions = {}): Mark {
  const { bins = 30, range, density = true, ...rest } = options;
  const where = 'tensor-core.histogram';
  checkNumber(where, 'bins', bins, { min: 1, integer: true });
  const finite = Array.from(values).filter(Number.isFinite);
  if (finite.length === 0) throw new RangeError(argumentMessage(where, 'values', 'hold a finite number', values));
  const [low, high] = range ?? extent(finite);
  checkNumber(where, 'the end of range', high, { above: low });
  const width = (high - low) / bins;
  const heights = new Float64Array(bins);
  let inside = 0;
  for (const value of finite) {
    if (value < low || value > high) continue;
    heights[Math.min(Math.floor((value - low) / width), bins - 1)]!++;
    inside++;
  }
  if (density && inside > 0) heights.forEach((count, i) => (heights[i] = count / (inside * width)));
  const edges = Float64Array.from({ length: bins + 1 }, (_, i) => (i === bins ? high : low + i * width));
  return { kind: 'histogram', edges, heights, ...rest };
}

/**
 * A matrix as colours.
 *
 * @param values   rows * columns numbers, row-major; what is not finite is left transparent
 * @throws ShapeError when there are not rows * columns of them
 */
export function image(values: Numbers, [rows, columns]: readonly [number, number], options: ImageOptions = {}): Mark {
  checkGrid('image', values, rows, columns);
  return { kind: 'image', values, rows, columns, ...options };
}

/**
 * Lines of equal value of a matrix, whose first row lies at the lower end of y.
 *
 * @param values  rows * columns numbers at the middles of equal cells, row-major
 * @throws ShapeError when there are not rows * columns of them
 */
export function contour(
  values: Numbers,
  [rows, columns]: readonly [number, number],
  options: ContourOptions = {},
): Mark {
  checkGrid('contour', values, rows, columns);
  return { kind: 'contour', values, rows, columns, ...options };
}

/** A line across the frame at one x or one y. @throws TypeError unless exactly one of them is given */
export function rule(at: { x: number } | { y: number }, options: LineOptions = {}): Mark {
  if ('x' in at === 'y' in at) throw new TypeError(argumentMessage('tensor-core.rule', 'at', 'be { x } or { y }', at));
  return { kind: 'rule', ...at, width: 1, dash: '4,3', color: '#888', ...options };
}

/** Words at a point, centred there. */
export function text(x: number, y: number, words: string, options: MarkOptions = {}): Mark {
  return { kind: 'text', x, y, text: words, color: 'currentColor', ...options };
}

/** The least and the greatest value, a little apart where they are equal. */
export function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  const margin = Math.max(Math.abs(low) * 1e-6, 1e-12);
  return low < high ? [low, high] : [low - margin, high + margin];
}

function checkGrid(mark: string, values: Numbers, rows: number, columns: number): void {
  const where = `tensor-core.${mark}`;
  checkNumber(where, 'rows', rows, { min: 1, integer: true });
  checkNumber(where, 'columns', columns, { min: 1, integer: true });
  if (values.length === rows * columns) return;
  throw new ShapeError(argumentMessage(where, 'values', `hold ${rows} x ${columns} numbers`, values.length));
}

function checkLengths(mark: string, lists: Record<string, Numbers>): void {
  const [[first, { length }], ...others] = Object.entries(lists) as [[string, Numbers], ...[string, Numbers][]];
  for (const [name, values] of others) {
    if (values.length === length) continue;
    const wanted = `hold as many numbers as ${first} (${length})`;
    throw new ShapeError(argumentMessage(`tensor-core.${mark}`, name, wanted, values.length));
  }
}
