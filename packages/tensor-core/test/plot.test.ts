import { decode } from 'fast-png';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../src/check';
import {
  band,
  gridToSvg,
  histogram,
  image,
  line,
  plainNumber,
  rule,
  scatter,
  text,
  toSvg,
  type Mark,
  type PanelOptions,
} from '../src/plot';
import { drawGrid } from '../src/plot/render';

/** The plot as a document. */
async function drawn(marks: Mark[], options: PanelOptions = {}): Promise<Element> {
  return parse(await toSvg(marks, options));
}

function parse(svg: string): Element {
  return parseHTML(`<!doctype html><html><body>${svg}</body></html>`).document.querySelector('svg')!;
}

/** The points of a path of straight lines, one list for each unbroken piece. */
function pieces(path: string): [number, number][][] {
  return path
    .split('M')
    .filter((piece) => piece !== '')
    .map((piece) =>
      piece
        .replace('Z', '')
        .split('L')
        .map((point) => point.split(',').map(Number) as [number, number]),
    );
}

/** The pieces of the first line of a colour. */
function lineOf(svg: Element, color: string): [number, number][][] {
  return pieces(svg.querySelector(`[stroke="${color}"] path`)!.getAttribute('d')!);
}

const FIXED = { x: { domain: [0, 10] as const }, y: { domain: [0, 10] as const }, width: 480, height: 300 };

describe('line', () => {
  it('goes through its points, on the scales of the axes', async () => {
    const svg = await drawn([line([0, 10], [0, 10], { color: '#123456' })], FIXED);
    const [[start, end]] = lineOf(svg, '#123456') as [[[number, number], [number, number]]];
    // The frame reaches from the left margin 56 to 20 before the right edge, and from 16 to 36 above the bottom.
    expect(start).toEqual([56, 264]);
    expect(end).toEqual([460, 16]);
  });

  it('has a gap where a value is not finite, and on a log axis where it is not positive', async () => {
    const y = [1, 2, NaN, 4, 5, -1, 7, 8];
    const x = y.map((_, i) => i);
    expect(lineOf(await drawn([line(x, y, { color: 'red' })]), 'red').map((piece) => piece.length)).toEqual([2, 5]);
    const log = await drawn([line(x, y, { color: 'red' })], { y: { type: 'log' } });
    expect(lineOf(log, 'red').map((piece) => piece.length)).toEqual([2, 2, 2]);
  });

  it('steps by decades on a log axis', async () => {
    const svg = await drawn([line([1, 2, 3], [1, 10, 100], { color: 'red' })], {
      y: { type: 'log', domain: [1, 100] },
    });
    const heights = lineOf(svg, 'red')[0]!.map(([, y]) => y);
    expect(heights[1]).toBeCloseTo((heights[0]! + heights[2]!) / 2, 6);
  });
});

describe('band', () => {
  it('covers the area between two curves', async () => {
    const svg = await drawn([band([0, 10], [2, 2], [8, 4], { color: 'teal', opacity: 0.5 })], FIXED);
    const area = svg.querySelector('[fill="teal"]')!;
    expect(area.getAttribute('fill-opacity')).toBe('0.5');
    const heights = pieces(area.querySelector('path')!.getAttribute('d')!)[0]!.map(([, y]) => (264 - y) / 24.8);
    expect(heights.map((v) => Math.round(v * 1e6) / 1e6)).toEqual([8, 4, 2, 2]);
  });
});

describe('scatter', () => {
  it('draws a dot for each finite point, or a symbol', async () => {
    const dots = await drawn([scatter([1, 2, 3], [1, NaN, 3], { color: 'teal', radius: 4 })], FIXED);
    expect(dots.querySelectorAll('circle').length).toBe(2);
    expect(dots.querySelector('circle')!.getAttribute('r')).toBe('4');
    const crosses = await drawn([scatter([1, NaN], [1, 2], { symbol: '✕' })], FIXED);
    expect([...crosses.querySelectorAll('text')].filter((t) => t.textContent === '✕').length).toBe(1);
  });

  it('colours points by their values', async () => {
    const svg = await drawn([scatter([1, 2, 3], [1, 2, 3], { values: [0, 5, 0] })]);
    const fills = [...svg.querySelectorAll('circle')].map((dot) => dot.getAttribute('fill'));
    expect(fills[0]).toBe(fills[2]);
    expect(fills[0]).not.toBe(fills[1]);
  });
});

describe('histogram', () => {
  it('counts values by bins of equal width, the last with its upper end', () => {
    const counted = histogram([0, 0.5, 1, 1.5, 2, 3, NaN, 9], { bins: 3, range: [0, 3], density: false });
    expect(counted).toMatchObject({ kind: 'histogram', edges: Float64Array.of(0, 1, 2, 3) });
    expect(counted).toMatchObject({ heights: Float64Array.of(2, 2, 2) });
  });

  it('has area 1 by default, whatever the bins', () => {
    for (const bins of [1, 7, 30]) {
      const { edges, heights } = histogram([1, 2, 2, 7, -3], { bins }) as Extract<Mark, { kind: 'histogram' }>;
      const width = edges[1]! - edges[0]!;
      expect(Array.from(heights).reduce((sum, height) => sum + height * width, 0)).toBeCloseTo(1, 12);
    }
  });

  it('draws its bars, also for equal values', async () => {
    const svg = await drawn([histogram([4, 4, 4], { bins: 5, color: 'teal' })]);
    expect(svg.querySelectorAll('[fill="teal"] rect').length).toBe(5);
  });
});

describe('image', () => {
  const pixels = (svg: Element): { width: number; height: number; data: ArrayLike<number> } => {
    const url = svg.querySelector('image')!.getAttribute('href')!;
    return decode(Uint8Array.from(atob(url.replace('data:image/png;base64,', '')), (c) => c.charCodeAt(0)));
  };

  it('has a pixel for each value, transparent where it is not finite, and the first row on top', async () => {
    const { width, height, data } = pixels(await drawn([image([0, 1, 2, NaN, 4, 1], [2, 3], { scheme: 'greys' })]));
    expect([width, height]).toEqual([3, 2]);
    const reds = Array.from({ length: 6 }, (_, i) => data[4 * i]!);
    const alphas = Array.from({ length: 6 }, (_, i) => data[4 * i + 3]!);
    expect(alphas).toEqual([255, 255, 255, 0, 255, 255]);
    expect([...reds].filter((_, i) => i !== 3)).toEqual([reds[0], reds[1], reds[2], reds[4], reds[1]]);
    expect(reds[0]! > reds[1]! && reds[1]! > reds[2]! && reds[2]! > reds[4]!).toBe(true);
  });

  it('turns the rows for an origin at the bottom, and clips to the range', async () => {
    const options = { scheme: 'greys', range: [0, 1] } as const;
    const top = pixels(await drawn([image([-5, 0, 1, 7], [2, 2], options)])).data;
    const bottom = pixels(await drawn([image([-5, 0, 1, 7], [2, 2], { ...options, origin: 'bottom' })])).data;
    expect(top[0]).toBe(top[4]);
    expect(top[8]).toBe(top[12]);
    expect(Array.from(bottom)).toEqual([...Array.from(top).slice(8), ...Array.from(top).slice(0, 8)]);
  });

  it('lies where it is told to', async () => {
    const svg = await drawn([image([1, 2], [1, 2], { x: [0, 5], y: [2, 10] })], FIXED);
    const place = ['x', 'y', 'width', 'height'].map((name) => Number(svg.querySelector('image')!.getAttribute(name)));
    expect(place).toBeAllclose([56, 16, 202, 198.4]);
  });
});

describe('the frame', () => {
  it('names axes, title and each labelled series once, in its colour', async () => {
    const marks = [
      band([0, 1], [0, 0], [1, 1], { label: 'mine' }),
      line([0, 1], [0, 1], { label: 'mine' }),
      line([0, 1], [1, 0], { label: 'other' }),
    ];
    const svg = await drawn(marks, { title: 'A title', x: { label: 'time' }, y: { label: 'height' } });
    const words = [...svg.querySelectorAll('text')].map((t) => t.textContent);
    for (const word of ['A title', 'mine', 'other']) expect(words.filter((w) => w === word).length).toBe(1);
    expect(words.join()).toContain('time');
    expect(words.join()).toContain('height');
    const fill = (name: string): string | null | undefined =>
      [...svg.querySelectorAll('text')]
        .find((t) => t.textContent === name)!
        .closest('[fill]')
        ?.getAttribute('fill');
    expect(fill('mine')).toBe(svg.querySelector('[fill-opacity]')!.getAttribute('fill'));
    expect(fill('mine')).not.toBe(fill('other'));
    const without = await drawn(marks, { legend: null, x: { label: 'time', show: false } });
    expect(without.textContent).not.toMatch(/mine|time/);
  });

  it('draws rules and words, and says numbers as people do', async () => {
    const svg = await drawn([rule({ x: 3 }), rule({ y: 4 }, { color: 'red' }), text(5, 5, 'here')], FIXED);
    expect(svg.querySelectorAll('line[stroke="#888"], [stroke="#888"] line').length).toBe(1);
    expect(svg.querySelectorAll('line[stroke="red"], [stroke="red"] line').length).toBe(1);
    expect(svg.textContent).toContain('here');
    const numbers = [0, 0.01, 0.0001, 0.00001, 100, 0.1 + 0.2, -0.5, 1e6];
    expect(numbers.map(plainNumber)).toEqual(['0', '0.01', '0.0001', '1e-5', '100', '0.3', '-0.5', '1000000']);
  });

  it('stands by itself as a file, and is text without scripts', async () => {
    const svg = await toSvg([line([0, 1], [0, 1], { label: '<script>"&' })]);
    expect(svg).toMatch(/^<svg /);
    expect(svg).toContain('xmlns="http://www.w3.org/2000/svg"');
    expect(svg).not.toContain('<script');
  });
});

describe('the names of clip paths', () => {
  const draw = (y: number[]): Promise<string> => toSvg([line([0, 1], y), scatter([0, 1], y)], FIXED);
  const names = (svg: string): string[] => [...parse(svg).querySelectorAll('clipPath')].map(({ id }) => id);

  it('follow from what is drawn, so that the same plot is the same text and others can stand beside it', async () => {
    const [one, again, other] = [await draw([1, 2]), await draw([1, 2]), await draw([1, 3])];
    expect(again).toBe(one);
    expect(names(one).length).toBeGreaterThan(0);
    expect(names(one).filter((name) => names(other).includes(name))).toEqual([]);
  });

  it('are those that the marks refer to', async () => {
    const svg = await draw([1, 2]);
    const used = [...svg.matchAll(/url\(#([^)]+)\)/g)].map((match) => match[1]!);
    expect(used.length).toBeGreaterThan(0);
    expect(new Set(used)).toEqual(new Set(names(svg)));
    expect(svg).not.toContain('plot-clip');
  });
});

describe('gridToSvg', () => {
  it('puts panels side by side and below one another', async () => {
    const panel = (width: number, height: number) => ({ marks: [line([0, 1], [0, 1])], width, height });
    const svg = parse(
      await gridToSvg([
        [panel(200, 100), panel(300, 120)],
        [null, panel(250, 80)],
      ]),
    );
    expect([svg.getAttribute('width'), svg.getAttribute('height')]).toEqual(['500', '200']);
    const places = [...svg.children].map((child) => [child.getAttribute('x'), child.getAttribute('y')]);
    expect(places).toEqual([
      ['0', '0'],
      ['200', '0'],
      ['200', '120'],
    ]);
  });

  it('says what to install where a package is missing', async () => {
    const missing = {
      plot: () => Promise.reject(new Error('Cannot find package')),
      document: () => Promise.reject(new Error('no')),
    };
    const call = drawGrid([[{ marks: [line([0], [0])] }]], missing);
    await expect(call).rejects.toThrow(
      'tensor-core.toSvg: @observablehq/plot linkedom must be installed, and cannot be imported. npm i @observablehq',
    );
  });
});

describe('bad input', () => {
  it.each<[string, () => unknown, new () => Error]>([
    ['line: y must hold as many numbers as x (2), got 1', () => line([1, 2], [1]), ShapeError],
    ['band: high must hold as many numbers as x (1), got 0', () => band([1], [1], []), ShapeError],
    [
      'scatter: values must hold as many numbers as x (1), got 2',
      () => scatter([1], [1], { values: [1, 2] }),
      ShapeError,
    ],
    ['image: values must hold 2 x 2 numbers, got 3', () => image([1, 2, 3], [2, 2]), ShapeError],
    ['image: rows must be an integer >= 1, got 0', () => image([], [0, 2]), RangeError],
    ['histogram: values must hold a finite number', () => histogram([NaN]), RangeError],
    ['histogram: bins must be an integer >= 1', () => histogram([1], { bins: 0 }), RangeError],
    [
      'histogram: the end of range must be a finite number > 2, got 2',
      () => histogram([1], { range: [2, 2] }),
      RangeError,
    ],
    ['rule: at must be { x } or { y }', () => rule({} as { x: number }), TypeError],
  ])('%s', (message, call, error) => {
    expect(call).toThrow(error);
    expect(call).toThrow(message);
  });

  it('draws a frame without marks, but no grid without panels', async () => {
    expect(await toSvg([], { x: { type: 'log' } })).not.toMatch(/NaN|Infinity/);
    await expect(gridToSvg([])).rejects.toThrow('tensor-core.gridToSvg: rows must hold a panel, got none');
    await expect(gridToSvg([[null], [null]])).rejects.toThrow('must hold a panel');
    await expect(toSvg([line([0], [0])], { width: 0 })).rejects.toThrow('width must be a finite number > 0, got 0');
  });
});
