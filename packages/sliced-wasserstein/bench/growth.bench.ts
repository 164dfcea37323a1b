import { writeFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { configure } from '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { gridToSvg, line, scatter } from '@tfsci/tensor-core/plot';
import { interleaved, report } from '@tfsci/tooling/bench';
import { slicedWasserstein } from '../src/index';

// How the time of SW_2^2 and of its gradient grows with the number of points, slices and dimensions, one at a time; drawn
// into growth.svg of the package, beside growth in proportion to L n log n of the value.

type Size = Record<'n' | 'L' | 'd', number>;

const BASE: Size = { n: 4000, L: 128, d: 50 };
const SERIES = {
  n: [250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000],
  L: [16, 32, 64, 128, 256, 512],
  d: [2, 8, 32, 128, 512],
};
const AXES = { n: 'points n', L: 'slices L', d: 'dimensions d' };
const cost = ({ n, L }: Size): number => L * n * Math.log2(n);

async function milliseconds({ n, L, d }: Size): Promise<Record<'value' | 'gradient', number>> {
  const [x, y] = [0, 1].map((seed) => random.normal(random.key(seed), [n, d]) as tf.Tensor2D) as [
    tf.Tensor2D,
    tf.Tensor2D,
  ];
  [x, y].forEach((cloud) => cloud.dataSync());
  const distance = (a: tf.Tensor, b: tf.Tensor): tf.Scalar =>
    slicedWasserstein(a as tf.Tensor2D, b as tf.Tensor2D, { slices: L, key: random.key(2), root: false });
  const gradients = tf.valueAndGrads(distance);
  const value = (): void => tf.tidy(() => void distance(x, y).dataSync());
  const gradient = (): void =>
    tf.tidy(() => {
      const { grads } = gradients([x, y]);
      grads.forEach((tensor) => tensor.dataSync());
    });
  const times = await interleaved({ value, gradient }, { rounds: 9, warmUp: 3 });
  tf.dispose([x, y]);
  return times;
}

configure({ spinning: false });
await useBackend('onnx');
const rows = [];
const panels = [];
for (const axis of ['n', 'L', 'd'] as const) {
  const sizes = SERIES[axis].map((length) => ({ ...BASE, [axis]: length }));
  const times: Record<'value' | 'gradient', number>[] = [];
  for (const size of sizes) {
    const time = await milliseconds(size);
    times.push(time);
    rows.push({ ...size, 'value, ms': time.value, 'gradient, ms': time.gradient, 'value, ns a number': (1e6 * time.value) / (2 * size.n * size.L) }); // prettier-ignore
  }
  const base = SERIES[axis].indexOf(axis === 'd' ? 32 : BASE[axis]);
  const expected = sizes.map((size) => (times[base]!.value * cost(size)) / cost(sizes[base]!));
  panels.push({
    marks: [
      line(SERIES[axis], expected, { label: 'L n log n', color: '#888', width: 1.5, dash: '4,3' }),
      scatter(SERIES[axis], times.map(({ value }) => value), { label: 'value', color: '#1a66c9', radius: 4 }), // prettier-ignore
      scatter(SERIES[axis], times.map(({ gradient }) => gradient), { label: 'with gradient', color: '#c9501a', radius: 4 }), // prettier-ignore
    ],
    width: 300,
    height: 240,
    x: { type: 'log' as const, label: AXES[axis] },
    y: { type: 'log' as const, label: 'milliseconds' },
    legend: 'top-left' as const,
  });
}
writeFileSync('growth.svg', `${await gridToSvg([panels])}\n`);
report('growth', rows);
