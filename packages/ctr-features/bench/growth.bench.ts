import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { interleaved, report } from '@tfsci/tooling/bench';
import { PolynomialSketch, TensorSketch, type FeatureMap } from '../src/index';

// How the time of features grows with the number of points, coordinates and features and with the degree, one at a time:
// all of Hadamard sketches, and one TensorSketch to compare.

const BASE = { n: 4000, d: 512, D: 4096, p: 2 };
const SERIES: Partial<typeof BASE>[] = [
  {},
  ...[1000, 2000, 8000].map((n) => ({ n })),
  ...[64, 128, 256, 1024, 2048].map((d) => ({ d })),
  ...[512, 1024, 2048, 8192].map((D) => ({ D })),
  ...[1, 3, 4, 8].map((p) => ({ p })),
];
const maps: Record<string, (options: ConstructorParameters<typeof TensorSketch>[0]) => FeatureMap> = {
  'ctr, shared': (options) => new PolynomialSketch(options),
  'ctr, independent': (options) => new PolynomialSketch({ ...options, srhtBlocks: 'independent' }),
  real: (options) => new PolynomialSketch({ ...options, mode: 'real' }),
};

await useBackend('cpu');
const rows = [];
for (const changed of SERIES) {
  const { n, d, D, p } = { ...BASE, ...changed };
  const x = random.normal(random.key(0), [n, d]) as tf.Tensor2D;
  const made = Object.entries((changed.n ?? changed.d ?? changed.D) ? { 'ctr, shared': maps['ctr, shared']! } : maps);
  const candidates = made.map(([name, make]) => {
    const map = make({ inputDim: d, features: D, degree: p, coef0: 1, key: 1 });
    return [name, () => tf.dispose(map.transform(x))] as const;
  });
  const times = await interleaved<string>(Object.fromEntries(candidates), { rounds: 5, warmUp: 2 });
  for (const [name] of made) {
    rows.push({ case: `n ${n}, d ${d}, D ${D}, p ${p}, ${name}`, ms: times[name]!, 'us a point': (1000 * times[name]!) / n }); // prettier-ignore
  }
  x.dispose();
}
const x = random.normal(random.key(0), [200, BASE.d]) as tf.Tensor2D;
for (const D of [4096, 4000, 4095, 4093]) {
  const map = new TensorSketch({ inputDim: BASE.d, features: D, degree: BASE.p, coef0: 1, key: 1 });
  const { sketch } = await interleaved({ sketch: () => tf.dispose(map.transform(x)) }, { rounds: 5, warmUp: 2 });
  rows.push({
    case: `TensorSketch, d ${BASE.d}, D ${D}, p ${BASE.p}`,
    ms: sketch,
    'us a point': (1000 * sketch) / 200,
  });
}
report('growth', rows);
