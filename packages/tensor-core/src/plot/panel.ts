import type * as ObservablePlot from '@observablehq/plot';
import { checkNumber } from '../check';
import { colours, imageUrl } from './colours';
import type { Mark, Numbers } from './marks';

type Plot = typeof ObservablePlot;

/** One axis of a panel. */
export interface AxisOptions {
  label?: string;
  /** Default 'linear'; on 'log' what is not positive is left out. */
  type?: 'linear' | 'log';
  /** Least and greatest value; default those of the marks. What lies outside is cut. */
  domain?: readonly [number, number];
  /** Whether to draw lines at the ticks, default true. */
  grid?: boolean;
  /** false leaves out ticks and label, default true. */
  show?: boolean;
}

/** Options of a panel. */
export interface PanelOptions {
  title?: string;
  /** In pixels, default 480. */
  width?: number;
  /** In pixels, default 300. */
  height?: number;
  x?: AxisOptions;
  y?: AxisOptions;
  /** Pixels around the frame, by default room for ticks and labels: top 16 or 28 with a title, right 20, bottom 36, left 56. */
  margins?: { top?: number; right?: number; bottom?: number; left?: number };
  /** Where the labels of the marks stand, default 'top-right'; null leaves them out. */
  legend?: 'top-left' | 'top-right' | 'bottom-left' | 'bottom-right' | null;
}

/** Marks in one frame. */
export interface Panel extends PanelOptions {
  marks: readonly Mark[];
}

const LEGEND_LINE = 15;

/** The SVG element of a panel. */
export function drawPanel(Plot: Plot, document: Document, panel: Panel): Element {
  const { marks, title, width = 480, height = 300, x = {}, y = {}, margins = {}, legend = 'top-right' } = panel;
  checkNumber('tensor-core.toSvg', 'width', width, { above: 0 });
  checkNumber('tensor-core.toSvg', 'height', height, { above: 0 });
  const paints = colours(marks);
  const fills = marks.some(({ kind }) => kind === 'image');
  const svg = Plot.plot({
    document,
    width,
    height,
    marginTop: margins.top ?? (title === undefined ? 16 : 28),
    marginRight: margins.right ?? 20,
    marginBottom: margins.bottom ?? 36,
    marginLeft: margins.left ?? 56,
    x: scale(x, fills),
    y: scale(y, fills),
    color: { scheme: 'viridis' },
    marks: [
      Plot.frame({ stroke: '#8884' }),
      ...marks.flatMap((mark, i) => drawn(Plot, mark, paints[i]!, [x.type === 'log', y.type === 'log'])),
      ...(legend === null ? [] : legendOf(Plot, marks, paints, legend)),
      ...(title === undefined ? [] : [Plot.text([title], { frameAnchor: 'top', dy: -14, fontWeight: 'bold' })]),
    ],
  });
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return svg;
}

/** Tick labels as people write numbers: 0.01 and 100, where the default would say 10m. */
export function plainNumber(value: number): string {
  const rounded = Number(value.toPrecision(6));
  return Math.abs(rounded) >= 1e-4 || rounded === 0 ? String(rounded) : rounded.toExponential();
}

function scale(
  { label, type = 'linear', domain, grid = true, show = true }: AxisOptions,
  fills: boolean,
): ObservablePlot.ScaleOptions {
  return {
    type,
    label: label ?? null,
    grid,
    // Marks of a picture fill the frame, all others stand off its edge.
    nice: domain === undefined && !fills,
    tickFormat: plainNumber,
    ...(show ? {} : { axis: null }),
    ...(domain ? { domain: [...domain] } : {}),
  };
}

function drawn(
  Plot: Plot,
  mark: Mark,
  color: string,
  [logX, logY]: readonly [boolean, boolean],
): ObservablePlot.Markish[] {
  // Values that cannot be shown become NaN, at which Plot leaves gaps; the frame cuts what lies outside.
  const onX = shown(logX);
  const onY = shown(logY);
  const clip = 'frame' as const;
  switch (mark.kind) {
    case 'line': {
      const rows = zip({ x: onX(mark.x), y: onY(mark.y) });
      const style = { stroke: color, strokeWidth: mark.width ?? 2, strokeDasharray: mark.dash ?? 'none' };
      return [Plot.line(rows, { x: 'x', y: 'y', clip, ...style })];
    }
    case 'band': {
      const rows = zip({ x: onX(mark.x), low: onY(mark.low), high: onY(mark.high) });
      const style = { fill: color, fillOpacity: mark.opacity ?? 0.2 };
      return [Plot.areaY(rows, { x: 'x', y1: 'low', y2: 'high', clip, ...style })];
    }
    case 'scatter': {
      const rows = zip({ x: onX(mark.x), y: onY(mark.y), value: mark.values ?? [] });
      const fill = mark.values === undefined ? color : 'value';
      const common = { x: 'x', y: 'y', clip, fill };
      if (mark.symbol === undefined) return [Plot.dot(rows, { ...common, r: mark.radius ?? 2.5 })];
      const shownRows = rows.filter((row) => Number.isFinite(row.x) && Number.isFinite(row.y));
      return [Plot.text(shownRows, { ...common, text: () => mark.symbol! })];
    }
    case 'histogram': {
      const [left, right] = [onX(mark.edges).slice(0, -1), onX(mark.edges).slice(1)];
      const rows = zip({ left, right, top: Array.from(mark.heights) });
      const style = { fill: color, fillOpacity: 0.6, insetLeft: 0.5 };
      return [Plot.rectY(rows, { x1: 'left', x2: 'right', y1: 0, y2: 'top', clip, ...style })];
    }
    case 'image': {
      const { columns, rows, x = [0, columns], y = [0, rows], scheme = 'viridis' } = mark;
      const color = { type: 'linear', domain: [0, 1], scheme: scheme as ObservablePlot.ColorScheme } as const;
      const ramp = Plot.scale({ color });
      const place = { x1: [x[0]], x2: [x[1]], y1: [y[0]], y2: [y[1]] };
      // The rectangle sets the scales, the picture fills it.
      return [
        Plot.rect([0], { ...place, fill: 'none' }),
        picture(
          imageUrl(mark, (share) => String(ramp.apply(share))),
          x,
          y,
        ),
      ];
    }
    case 'contour': {
      const { columns, rows, x = [0, columns], y = [0, rows], levels, width = 1.5 } = mark;
      const place = { width: columns, height: rows, x1: x[0], x2: x[1], y1: y[0], y2: y[1] };
      const thresholds = levels === undefined ? {} : { thresholds: Array.from(levels) };
      const style = { stroke: color, strokeWidth: width, clip };
      return [Plot.contour(Array.from(mark.values), { ...place, ...thresholds, ...style, interpolate: 'none' })];
    }
    case 'rule': {
      const style = { stroke: color, strokeWidth: mark.width ?? 1, strokeDasharray: mark.dash ?? 'none' };
      return [mark.x === undefined ? Plot.ruleY([mark.y], style) : Plot.ruleX([mark.x], style)];
    }
    case 'text':
      return [Plot.text([mark], { x: 'x', y: 'y', text: 'text', fill: color })];
  }
}

/** A picture stretched over a part of the frame, pixels as squares. */
function picture(
  url: string,
  [x0, x1]: readonly [number, number],
  [y0, y1]: readonly [number, number],
): ObservablePlot.RenderFunction {
  return (_index, { scales }, _values, _dimensions, { document }) => {
    const [left, right] = [x0, x1].map((x) => Number(scales.x!.apply(x))) as [number, number];
    const [bottom, top] = [y0, y1].map((y) => Number(scales.y!.apply(y))) as [number, number];
    const element = document.createElementNS('http://www.w3.org/2000/svg', 'image');
    const attributes = {
      x: Math.min(left, right),
      y: Math.min(top, bottom),
      width: Math.abs(right - left),
      height: Math.abs(bottom - top),
      preserveAspectRatio: 'none',
      href: url,
      style: 'image-rendering: pixelated',
    };
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
    return element;
  };
}

/** The labels of marks as lines of text in their colours, each once. */
function legendOf(
  Plot: Plot,
  marks: readonly Mark[],
  paints: readonly string[],
  corner: NonNullable<PanelOptions['legend']>,
): ObservablePlot.Markish[] {
  const labels = new Map<string, string>();
  marks.forEach((mark, i) => {
    if (mark.kind !== 'image' && mark.label !== undefined && !labels.has(mark.label))
      labels.set(mark.label, paints[i]!);
  });
  const entries = [...labels];
  const down = corner.startsWith('top');
  const left = corner.endsWith('left');
  return entries.map(([label, fill], i) =>
    Plot.text([label], {
      frameAnchor: corner,
      dx: left ? 6 : -6,
      dy: down ? 8 + i * LEGEND_LINE : -8 - (entries.length - 1 - i) * LEGEND_LINE,
      fill,
      stroke: 'var(--plot-background)',
      strokeWidth: 3,
      fontWeight: 600,
      textAnchor: left ? 'start' : 'end',
    }),
  );
}

function shown(log: boolean): (values: Numbers) => number[] {
  return (values) => Array.from(values, (value) => (Number.isFinite(value) && (!log || value > 0) ? value : NaN));
}

/** Columns of numbers as rows. */
function zip<Name extends string>(columns: Record<Name, Numbers>): Record<Name, number>[] {
  const names = Object.keys(columns) as Name[];
  const length = Math.max(...names.map((name) => columns[name].length));
  return Array.from({ length }, (_, i) =>
    Object.fromEntries(names.map((name) => [name, columns[name][i] ?? NaN])),
  ) as Record<Name, number>[];
}
