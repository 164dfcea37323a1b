import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../src/check';
import { cornerData, traceData } from '../src/inference';
import { contour, cornerPanels, gridToSvg, toSvg, tracePanels } from '../src/plot';
import { fillNormal, key, split } from '../src/random';

/** Two chains of 300 draws of three coordinates. */
const draws = split(key(1)).map((one) => {
  const data = new Float64Array(900);
  fillNormal(one, data);
  return { rows: 300, cols: 3, data };
});
const names = ['phi', 'sigma', 'H0'];

function parse(svg: string): Element {
  return parseHTML(`<!doctype html><html><body>${svg}</body></html>`).document.querySelector('svg')!;
}

describe('contour', () => {
  it('is a circle of the right radius around a peak', async () => {
    const side = 60;
    // exp(-r^2 / 2) on [-3, 3]^2, whose line at exp(-1/2) is the unit circle.
    const at = (i: number): number => -3 + (6 * (i + 0.5)) / side;
    const peak = Array.from({ length: side * side }, (_, i) =>
      Math.exp(-(at(i % side) ** 2 + at(Math.floor(i / side)) ** 2) / 2),
    );
    const range = [-3, 3] as const;
    const mark = contour(peak, [side, side], { x: range, y: range, levels: [Math.exp(-0.5)], color: 'red' });
    const margins = { top: 0, right: 0, bottom: 0, left: 0 };
    const axes = { x: { domain: range }, y: { domain: range } };
    const svg = parse(await toSvg([mark], { width: 600, height: 600, margins, ...axes }));
    const path = svg.querySelector('[stroke="red"] path')!.getAttribute('d')!;
    const points = path.match(/-?[\d.]+,-?[\d.]+/g)!.map((point) => point.split(',').map(Number) as [number, number]);
    expect(points.length).toBeGreaterThan(30);
    // 100 pixels a unit; linear interpolation between cells of 0.1 errs by 0.1^2 / 8 of the curvature.
    for (const [x, y] of points) expect(Math.hypot(x - 300, y - 300) / 100).toBeCloseTo(1, 2);
  });

  it('refuses a matrix that is not of its size', () => {
    expect(() => contour([1, 2, 3], [2, 2])).toThrow(ShapeError);
    expect(() => contour([1, 2, 3], [2, 2])).toThrow('tensor-core.contour: values must hold 2 x 2 numbers, got 3');
    expect(() => contour([], [2, 0])).toThrow('tensor-core.contour: columns must be an integer >= 1, got 0');
  });
});

describe('cornerPanels', () => {
  const panels = cornerPanels(cornerData(draws, { names, bins: 20 }), { truths: [0.5, null, -1], size: 100 });

  it('has single coordinates on the diagonal and pairs below, each x over its column, each y along its row', () => {
    expect(panels.map((row) => row.length)).toEqual([1, 2, 3]);
    const domains = panels.map((row) => row.map((panel) => panel!.x!.domain));
    for (const row of [1, 2]) expect(domains[row]![0]).toEqual(domains[0]![0]);
    expect(domains[2]![1]).toEqual(domains[1]![1]);
    expect(panels[2]![0]!.y!.domain).toEqual(domains[2]![2]);
    expect(panels[2]![1]!.y!.domain).toEqual(domains[2]![2]);
  });

  it('marks the truths that are known', () => {
    const truths = panels.map((row) =>
      row.map((panel) => panel!.marks.flatMap((mark) => (mark.kind === 'rule' ? [mark.x ?? mark.y] : []))),
    );
    expect(truths).toEqual([[[0.5]], [[0.5], []], [[0.5, -1], [-1], [-1]]]);
  });

  it('draws frames of one size in a grid, names at its edges alone', async () => {
    const svg = parse(await gridToSvg(panels));
    const frames = [...svg.querySelectorAll('[aria-label="frame"]')].map((frame) =>
      ['width', 'height'].map((name) => Math.round(Number(frame.getAttribute(name)))),
    );
    expect(frames).toHaveLength(6);
    for (const frame of frames) expect(frame).toEqual(frames[0]);
    expect(svg.querySelectorAll('image')).toHaveLength(3);
    // Below the last row all three, left of the first column all but the first.
    for (const [name, times] of [
      ['phi', 1],
      ['sigma', 2],
      ['H0', 2],
    ] as const) {
      expect(svg.textContent.split(name).length - 1).toBe(times);
    }
  });

  it('refuses truths that do not fit', () => {
    const corner = cornerData(draws, { bins: 5 });
    expect(() => cornerPanels(corner, { truths: [1] })).toThrow(ShapeError);
    expect(() => cornerPanels(corner, { truths: [1] })).toThrow('truths must have 3 entries, one a coordinate, got 1');
  });
});

describe('tracePanels', () => {
  it('has a row for each coordinate with a line for each chain, and its truth', async () => {
    const panels = tracePanels(traceData(draws, names), { truths: [null, 0, 1] });
    expect(panels.map(([panel]) => panel!.marks.map(({ kind }) => kind))).toEqual([
      ['line', 'line'],
      ['line', 'line', 'rule'],
      ['line', 'line', 'rule'],
    ]);
    const svg = parse(await gridToSvg(panels));
    expect(svg.querySelectorAll('[aria-label="line"] path')).toHaveLength(6);
    for (const name of [...names, 'iteration']) expect(svg.textContent.split(name).length - 1).toBe(1);
  });

  it('refuses truths that do not fit', () => {
    expect(() => tracePanels(traceData(draws), { truths: [] })).toThrow(
      'tensor-core.tracePanels: truths must have 3 entries, one a coordinate, got 0',
    );
  });
});
