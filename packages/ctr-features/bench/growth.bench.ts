import { writeFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { gridToSvg, line, scatter } from '@tfsci/tensor-core/plot';
import { interleaved, report } from '@tfsci/tooling/bench';
import { PolynomialSketch } from '../src/index';

// How the time of complex-to-real Hadamard sketches grows with the number of points, coordinates and features and with the
// degree, one at a time; drawn into growth.svg of the package, beside the growth that the algorithm has.

type Size = Record<'n' | 'd' | 'D' | 'p', number>;

const BASE: Size = { n: 4000, d: 512, D: 4096, p: 2 };
const SERIES = {
  n: [500, 1000, 2000, 4000, 8000],
  d: [64, 128, 256, 512, 1024, 2048],
  D: [512, 1024, 2048, 4096, 8192],
  p: [1, 2, 3, 4, 6, 8],
};
const AXES = { n: 'points n', d: 'coordinates d', D: 'features D', p: 'degree p' };
/** What the time of a point is proportional to for many features: p transforms of d' log d', p gathers of D. */
const cost = ({ n, d, D, p }: Size): number => n * p * (paddedDim(d) * Math.log2(paddedDim(d)) + 2 * D);
/** With the coordinate of the bias. */
const paddedDim = (d: number): number => 2 ** Math.ceil(Math.log2(d + 1));

async function milliseconds({ n, d, D, p }: Size): Promise<number> {
  const x = random.normal(random.key(0), [n, d]) as tf.Tensor2D;
  x.dataSync();
  const map = new PolynomialSketch({ inputDim: d, features: D, degree: p, coef0: 1, key: 1 });
  const { sketch } = await interleaved({ sketch: () => tf.dispose(map.transform(x)) }, { rounds: 9, warmUp: 2 });
  tf.dispose(x);
  return sketch;
}

await useBackend('cpu');
const rows = [];
const panels = [];
for (const axis of ['n', 'd', 'D', 'p'] as const) {
  const sizes = SERIES[axis].map((value) => ({ ...BASE, [axis]: value }));
  const times: number[] = [];
  for (const size of sizes) {
    times.push(await milliseconds(size));
    rows.push({ ...size, ms: times.at(-1)!, 'us a point': (1000 * times.at(-1)!) / size.n });
  }
  const base = SERIES[axis].indexOf(BASE[axis]);
  const expected = sizes.map((size) => (times[base]! * cost(size)) / cost(BASE));
  panels.push({
    marks: [
      line(SERIES[axis], expected, { label: 'p (d log d + 2 D) n', color: '#888', width: 1.5, dash: '4,3' }),
      scatter(SERIES[axis], times, { label: 'measured', color: '#1a66c9', radius: 4 }),
    ],
    width: 300,
    height: 240,
    x: { type: 'log' as const, label: AXES[axis] },
    y: { type: 'log' as const, label: 'milliseconds' },
    legend: 'top-left' as const,
  });
}
writeFileSync('growth.svg', `${await gridToSvg([panels.slice(0, 2), panels.slice(2)])}\n`);
report('growth', rows);
