import { argumentMessage, ShapeError } from '../check';
import type { Corner, Trace } from '../inference';
import { contour, image, line, rule, type Mark } from './marks';
import type { Panel } from './panel';

/** Options of cornerPanels. */
export interface CornerPanelOptions {
  /** True values of the coordinates, drawn as lines; null for one that is unknown. */
  truths?: readonly (number | null)[];
  /** Side of a frame in pixels, default 150. */
  size?: number;
}

/** Options of tracePanels. */
export interface TracePanelOptions {
  /** True values of the coordinates, drawn as lines; null for one that is unknown. */
  truths?: readonly (number | null)[];
  /** In pixels, default 640. */
  width?: number;
  /** Pixels of each coordinate, without the names below the last, default 110. */
  height?: number;
}

/**
 * The panels of a corner plot: densities of single coordinates on the diagonal, of pairs with their contours below.
 *
 * @param corner  of `inference.cornerData`
 * @returns rows for `gridToSvg`
 * @throws ShapeError when there is not a truth for each coordinate
 */
export function cornerPanels(
  { diagonal, pairs }: Corner,
  { truths, size = 150 }: CornerPanelOptions = {},
): (Panel | null)[][] {
  checkTruths('tensor-core.cornerPanels', truths, diagonal.length);
  const last = diagonal.length - 1;
  const [gap, forTicks, forNames] = [18, 56, 40];
  // Frames are of one size; ticks and names stand left of the first column and below the last row.
  const place = (row: number, column: number) => {
    const margins = { top: gap, right: 0, bottom: row === last ? forNames : 0, left: column === 0 ? forTicks : gap };
    const [width, height] = [size + margins.left, size + margins.top + margins.bottom];
    return { width, height, margins, legend: null };
  };
  const truth = (coordinate: number, axis: 'x' | 'y'): Mark[] => {
    const value = truths?.[coordinate];
    return value == null ? [] : [rule(axis === 'x' ? { x: value } : { y: value }, { color: '#d55e00' })];
  };
  return diagonal.map((own, row) => {
    const below = pairs.filter(({ y }) => y === row).sort((a, b) => a.x - b.x);
    const panels = below.map(({ x, density, contours }): Panel => {
      const along = diagonal[x]!;
      const area = { x: rangeOf(along.edges), y: rangeOf(own.edges) };
      const grid = [density.rows, density.cols] as const;
      return {
        ...place(row, x),
        marks: [
          image(density.data, grid, { ...area, scheme: 'blues', origin: 'bottom' }),
          contour(density.data, grid, { ...area, levels: contours, color: '#08306b' }),
          ...truth(x, 'x'),
          ...truth(row, 'y'),
        ],
        x: { domain: area.x, grid: false, ...axis(along.name, row === last) },
        y: { domain: area.y, grid: false, ...axis(own.name, x === 0) },
      };
    });
    const diagonalPanel: Panel = {
      ...place(row, row),
      marks: [line(own.centres, own.density, { color: '#08306b' }), ...truth(row, 'x')],
      x: { domain: rangeOf(own.edges), grid: false, ...axis(own.name, row === last) },
      y: { show: false, grid: false },
    };
    return [...panels, diagonalPanel];
  });
}

/**
 * The panels of trace plots: the values of each chain over the iterations, a row for each coordinate.
 *
 * @param traces  of `inference.traceData`
 * @returns rows for `gridToSvg`
 * @throws ShapeError when there is not a truth for each coordinate
 */
export function tracePanels(
  traces: readonly Trace[],
  { truths, width = 640, height = 110 }: TracePanelOptions = {},
): Panel[][] {
  checkTruths('tensor-core.tracePanels', truths, traces.length);
  return traces.map(({ name, iteration, chains }, i) => {
    const truth = truths?.[i];
    const marks = chains.map((chain) => line(iteration, chain, { width: 1 }));
    if (truth != null) marks.push(rule({ y: truth }));
    const isLast = i === traces.length - 1;
    const margins = { bottom: isLast ? 36 : 4 };
    const total = height + margins.bottom;
    return [{ marks, width, height: total, margins, x: axis('iteration', isLast), y: { label: name } }];
  });
}

/** Ticks and name only where no panel below or beside has them. */
function axis(label: string, show: boolean): { label: string; show: boolean } {
  return { label, show };
}

function rangeOf(edges: Float64Array): [number, number] {
  return [edges[0]!, edges.at(-1)!];
}

function checkTruths(where: string, truths: readonly unknown[] | undefined, coordinates: number): void {
  if (truths === undefined || truths.length === coordinates) return;
  const wanted = `have ${coordinates} entries, one a coordinate`;
  throw new ShapeError(argumentMessage(where, 'truths', wanted, truths.length));
}
