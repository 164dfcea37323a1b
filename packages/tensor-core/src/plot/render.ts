import type * as ObservablePlot from '@observablehq/plot';
import { importOptional } from '../check/optional-import';
import { drawPanel, type Panel, type PanelOptions } from './panel';
import type { Mark } from './marks';

/** How the optional packages are loaded; tests take others. */
export interface PlotPackages {
  plot: () => Promise<typeof ObservablePlot>;
  document: () => Promise<Document>;
}

const installed: PlotPackages = {
  plot: () => import('@observablehq/plot'),
  document: async () => {
    if (typeof document !== 'undefined') return document;
    const { parseHTML } = await import('linkedom');
    return parseHTML('<!doctype html><html><body></body></html>').document;
  },
};

/**
 * A plot as SVG markup, for a file, a report or a page.
 *
 * @param marks    what to draw, first things below, none for an empty frame; made by `line`, `band`, `scatter`, `histogram`, `image`, ...
 * @param options  see PanelOptions
 * @returns one <svg> element, which stands by itself
 * @throws RangeError when a size is not positive; Error with the install command when a
 *   package is missing
 * @example
 * const svg = await toSvg([line(steps, loss, { label: 'loss' })], { x: { label: 'step' }, y: { type: 'log' } });
 */
export async function toSvg(marks: readonly Mark[], options: PanelOptions = {}): Promise<string> {
  return gridToSvg([[{ marks, ...options }]]);
}

/**
 * Several plots side by side and below one another, as one SVG.
 *
 * @param rows  the panels; null leaves a place empty, of the size that the first row and column have there
 * @throws RangeError when there is no panel, and all that toSvg throws
 */
export async function gridToSvg(rows: readonly (readonly (Panel | null)[])[]): Promise<string> {
  return drawGrid(rows, installed);
}

/** The work behind gridToSvg, with the packages to draw with. */
export async function drawGrid(rows: readonly (readonly (Panel | null)[])[], packages: PlotPackages): Promise<string> {
  const { Plot, document } = await load(packages);
  const drawnRows = rows.map((row) => row.map((panel) => panel && drawPanel(Plot, document, panel)));
  const only = drawnRows.length === 1 && drawnRows[0]!.length === 1 ? drawnRows[0]![0] : undefined;
  if (only) return withOwnNames(only.outerHTML);
  const size = (element: Element | null, name: string): number => Number(element?.getAttribute(name) ?? 0);
  const columns = Math.max(0, ...drawnRows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, j) =>
    Math.max(...drawnRows.map((row) => size(row[j] ?? null, 'width'))),
  );
  const heights = drawnRows.map((row) => Math.max(0, ...row.map((element) => size(element, 'height'))));
  const [width, height] = [widths, heights].map((lengths) => lengths.reduce((sum, length) => sum + length, 0));
  if (!width || !height) throw new RangeError('tensor-core.gridToSvg: rows must hold a panel, got none.');
  const frame = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const attributes = { xmlns: 'http://www.w3.org/2000/svg', width, height, viewBox: `0 0 ${width} ${height}` };
  for (const [name, value] of Object.entries(attributes)) frame.setAttribute(name, String(value));
  let y = 0;
  drawnRows.forEach((row, i) => {
    let x = 0;
    row.forEach((element, j) => {
      element?.setAttribute('x', String(x));
      element?.setAttribute('y', String(y));
      if (element) frame.append(element);
      x += widths[j]!;
    });
    y += heights[i]!;
  });
  return withOwnNames(frame.outerHTML);
}

/**
 * The markup with names of clip paths that follow from its contents. Plot counts them up, so the same plot would differ
 * from one drawing to the next, and plots of two programs would meet with the same names in a page.
 */
function withOwnNames(svg: string): string {
  const names = [...new Set(svg.match(/plot-clip-\d+/g))];
  const numbered = names.reduce(
    (text, name, i) => text.replaceAll(new RegExp(`${name}(?!\\d)`, 'g'), `clip-${i}`),
    svg,
  );
  let hash = 0x811c9dc5;
  for (let i = 0; i < numbered.length; i++) hash = Math.imul(hash ^ numbered.charCodeAt(i), 0x01000193);
  return numbered.replaceAll(/clip-(\d+)(?=["')])/g, `clip-${(hash >>> 0).toString(16)}-$1`);
}

async function load({ plot, document }: PlotPackages) {
  const names = typeof globalThis.document === 'undefined' ? '@observablehq/plot linkedom' : '@observablehq/plot';
  const [Plot, page] = await importOptional('tensor-core.toSvg', names, () => Promise.all([plot(), document()]));
  return { Plot, document: page };
}
