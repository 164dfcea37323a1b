import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { interleaved, report, torchPeer } from '@tfsci/tooling/bench';
import { PolynomialSketch, TensorSketch, polynomialKernel, type FeatureMap } from '../src/index';

// Features of the polynomial kernel (x.y + 1)^p: complex-to-real Hadamard sketches and TensorSketch of ours beside
// TensorSketch in PyTorch (float32, at its best number of rows a chunk and of threads) and scikit-learn's
// PolynomialCountSketch, with the relative error of the kernel matrix that each gives. ROWS=2000 takes fewer rows.

const rows = Number(process.env['ROWS'] ?? 10000);
const [DIM, FEATURES, DEGREES, CHUNKS] = [512, 4096, [2, 4], [500, 1000, 2000]];
/** Of the kernel matrix that errors are measured on, and sketches over which they are averaged. */
const [ERROR_ROWS, SKETCHES] = [500, 4];
const errorFile = path.join(tmpdir(), `tfsci-transform-bench-${process.pid}`);

const PEER = `
n, d, D, error_rows, sketches = map(int, args[:5])
x = torch.nn.functional.normalize(torch.randn(n, d), dim=1)

class TensorSketch:
    def __init__(self, p, chunk):
        self.hash = torch.randint(D, (p, d + 1))
        self.sign = torch.randint(2, (p, d + 1)).float() * 2 - 1
        self.chunk = chunk
    def transform(self, x):
        out = torch.empty(len(x), D)
        one = torch.ones(self.chunk, 1)
        for start in range(0, len(x), self.chunk):
            z = x[start : start + self.chunk]
            z = torch.cat([one[: len(z)], z], dim=1)
            product = None
            for bucket, sign in zip(self.hash, self.sign):
                count = torch.zeros(len(z), D).index_add_(1, bucket, z * sign)
                spectrum = torch.fft.rfft(count)
                product = spectrum if product is None else product.mul_(spectrum)
            out[start : start + len(z)] = torch.fft.irfft(product, n=D)
        return out

def make(kind, p, chunk=500):
    if kind == 'torch':
        return TensorSketch(p, chunk)
    from sklearn.kernel_approximation import PolynomialCountSketch
    return PolynomialCountSketch(degree=p, coef0=1, n_components=D).fit(x[:1].numpy())

def error(kind, p):
    sample = x[:error_rows]
    exact = (sample @ sample.T + 1) ** p
    total = 0
    for _ in range(sketches):
        phi = torch.as_tensor(make(kind, p).transform(sample if kind == 'torch' else sample.numpy())).float()
        total += float(torch.linalg.norm(phi @ phi.T - exact) / torch.linalg.norm(exact))
    return total / sketches

maps = {}
def run(line):
    kind, *numbers = line.split()
    numbers = tuple(map(int, numbers))
    if kind.startswith('error'):
        with open(args[5], 'w') as file:
            file.write(str(error(kind[6:], *numbers)))
        return
    if (kind, numbers) not in maps:
        maps[kind, numbers] = make(kind, *numbers)
    maps[kind, numbers].transform(x if kind == 'torch' else x.numpy())
`;

function unitRows(count: number, dim: number): tf.Tensor2D {
  return tf.tidy(() => {
    const x = random.normal(random.key(0), [count, dim]);
    return x.div(x.norm(2, 1, true));
  });
}

const sketch = (degree: number, key = 1): PolynomialSketch =>
  new PolynomialSketch({ inputDim: DIM, features: FEATURES, degree, coef0: 1, key });
const tensorSketch = (degree: number, key = 1): TensorSketch =>
  new TensorSketch({ inputDim: DIM, features: FEATURES, degree, coef0: 1, key });

/** The relative Frobenius error of the kernel matrix, a mean over draws. */
function kernelError(make: (key: number) => FeatureMap, degree: number, x: tf.Tensor2D): number {
  const errors = Array.from({ length: SKETCHES }, (_, key) => {
    const map = make(key);
    const [error] = tf.tidy(() => {
      const exact = polynomialKernel(x, x, { degree, coef0: 1 });
      return map.kernel(x).sub(exact).norm().div(exact.norm()).dataSync();
    });
    map.dispose();
    return error!;
  });
  return errors.reduce((sum, error) => sum + error, 0) / SKETCHES;
}

/** A run of a map. Its features are there when it returns: nothing is left to be computed when they are read. */
const transforming = (map: FeatureMap, x: tf.Tensor2D) => () => {
  map.transform(x).dispose();
};

await useBackend('onnx');
const x = unitRows(rows, DIM);
x.dataSync();

// Before anything else needs memory; between blocks, as a block itself needs no new memory.
let peak = 0;
const before = process.memoryUsage().rss;
await sketch(DEGREES.at(-1)!).transformRows(
  { data: x.dataSync(), shape: x.shape },
  { onProgress: () => (peak = Math.max(peak, process.memoryUsage().rss)) },
);
const outputBytes = 4 * rows * FEATURES;
report('transform-memory', [{ case: `${rows} points`, 'output, MB': outputBytes / 1e6, 'peak / output': (peak - before) / outputBytes }]); // prettier-ignore

const sample = x.slice([0, 0], [Math.min(rows, ERROR_ROWS), DIM]);
const peer = await torchPeer(PEER, [rows, DIM, FEATURES, ERROR_ROWS, SKETCHES, errorFile]);
const compared = [];
for (const degree of DEGREES) {
  const maps = { ours: sketch(degree), tensorSketch: tensorSketch(degree) };
  const ours = transforming(maps.ours, x);
  const torch: Record<string, () => Promise<void>> = Object.fromEntries(
    CHUNKS.flatMap(
      (chunk) =>
      Object.entries(peer?.candidates(`torch ${degree} ${chunk}`) ?? {}).map(([threads, run]) => [`${threads}, ${chunk} rows a chunk`, run] as const), // prettier-ignore
    ),
  );
  const times = await interleaved<string>({ ours, ...torch }, { rounds: 5, warmUp: 2 });
  const scikit = peer && { scikit: peer.candidates(`scikit ${degree}`).torchOne };
  const slow = { ours, tensorSketch: transforming(maps.tensorSketch, x), ...scikit };
  const slowTimes = await interleaved<string>(slow, { rounds: 3, warmUp: 1 });
  const errorOf = async (kind: string): Promise<number> => {
    await peer!.candidates(`error-${kind} ${degree}`).torchOne();
    return Number(readFileSync(errorFile, 'utf8'));
  };
  const row = (name: string, milliseconds: number, reference: number, error: number) => ({ case: `p = ${degree}, ${name}`, ms: milliseconds, 'time / ours': milliseconds / reference, 'relative error': error }); // prettier-ignore
  const sketchError = kernelError((key) => sketch(degree, key), degree, sample);
  const tensorSketchError = kernelError((key) => tensorSketch(degree, key), degree, sample);
  compared.push(
    row('ours', times['ours']!, times['ours']!, sketchError),
    row('ours, TensorSketch', slowTimes['tensorSketch']!, slowTimes['ours']!, tensorSketchError),
  );
  if (peer) {
    const best = Object.keys(torch).reduce((a, b) => (times[a]! <= times[b]! ? a : b));
    compared.push(
      row(`torch TensorSketch (${best})`, times[best]!, times['ours']!, await errorOf('torch')),
      row('scikit-learn', slowTimes['scikit']!, slowTimes['ours']!, await errorOf('scikit')),
    );
  }
  Object.values(maps).forEach((map) => map.dispose());
}
peer?.end();
rmSync(errorFile, { force: true });
report('transform', compared);
