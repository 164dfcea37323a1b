import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { configure } from '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { interleaved, report, torchPeer, type Timed } from '@tfsci/tooling/bench';
import { build } from 'tsup';
import { slicedWasserstein } from '../src/index';
import { startThreads } from '../src/threads/row-threads';
import { solveRows } from '../src/transport/host-rows';
import { useRowSolver } from '../src/transport/row-solver';

// SW_2^2 of two clouds of n points in d dimensions over L slices that are drawn anew, and its gradient in both clouds, float32:
// ours, on one thread and on all, beside POT (its NumPy and PyTorch sides), a plain NumPy version (project, sort, mean of
// squares) and a plain PyTorch version with its autograd, each with one thread and with all. N=1000 takes that size alone.

const SIZES = [
  { n: 1000, d: 50, L: 500, rounds: 15, potRounds: 5 },
  { n: 10_000, d: 50, L: 100, rounds: 9, potRounds: 3 },
  { n: 100_000, d: 64, L: 256, rounds: 3, potRounds: 1 },
].filter(({ n }) => [undefined, String(n)].includes(process.env['N']));

const PEER = `
import numpy as np
import ot

def slices(d, L):
    theta = np.random.randn(d, L).astype(np.float32)
    return theta / np.linalg.norm(theta, axis=0)

def pot(x, y, L, gradient):
    if not gradient:
        return ot.sliced_wasserstein_distance(x, y, n_projections=L)
    a, b = (torch.from_numpy(c).requires_grad_(True) for c in (x, y))
    (ot.sliced_wasserstein_distance(a, b, n_projections=L) ** 2).backward()

def pottorch(x, y, L, gradient):
    ot.sliced_wasserstein_distance(torch.from_numpy(x), torch.from_numpy(y), n_projections=L)

def numpy(x, y, L, gradient):
    theta = slices(x.shape[1], L)
    # Rows of numbers that lie together sort fastest.
    u, v = theta.T @ x.T, theta.T @ y.T
    if not gradient:
        u.sort(axis=1)
        v.sort(axis=1)
        return np.mean((u - v) ** 2)
    i, j = np.argsort(u, axis=1), np.argsort(v, axis=1)
    difference = np.take_along_axis(u, i, 1) - np.take_along_axis(v, j, 1)
    slope = (2 / difference.size) * difference
    np.put_along_axis(u, i, slope, 1)
    np.put_along_axis(v, j, -slope, 1)
    return np.mean(difference ** 2), u.T @ theta.T, v.T @ theta.T

def plaintorch(x, y, L, gradient):
    a, b = (torch.from_numpy(c).requires_grad_(gradient) for c in (x, y))
    theta = torch.nn.functional.normalize(torch.randn(L, x.shape[1]), dim=1)
    loss = ((theta @ a.T).sort(dim=1).values - (theta @ b.T).sort(dim=1).values).square().mean()
    if gradient:
        loss.backward()
    return float(loss)

clouds = {}
def run(line):
    name, what, *size = line.split()
    n, d, L = map(int, size)
    if (n, d) not in clouds:
        clouds.clear()
        clouds[n, d] = [(np.random.randn(n, d) + shift).astype(np.float32) for shift in (0, 0.5)]
    globals()[name](*clouds[n, d], L, what == 'gradient')
`;

type What = 'value' | 'gradient';

function ours(x: tf.Tensor2D, y: tf.Tensor2D, slices: number, what: What): Timed {
  let draw = 0;
  const distance = (a: tf.Tensor, b: tf.Tensor): tf.Scalar =>
    slicedWasserstein(a as tf.Tensor2D, b as tf.Tensor2D, { slices, key: random.key(draw++), root: false });
  if (what === 'value') return () => tf.tidy(() => void distance(x, y).dataSync());
  const gradients = tf.valueAndGrads(distance);
  return () =>
    tf.tidy(() => {
      const { value, grads } = gradients([x, y]);
      [value, ...grads].forEach((tensor) => tensor.dataSync());
    });
}

const cloud = (n: number, d: number, shift: number): tf.Tensor2D => {
  const points = tf.tidy(() => random.normal(random.key(shift), [n, d]).add(shift / 2));
  points.dataSync();
  return points as tf.Tensor2D;
};

/** The most memory that is in use after any of the calls, beyond what is in use before. */
function peakMegabytes(run: Timed): number {
  const before = process.memoryUsage().rss;
  void run();
  return (process.resourceUsage().maxRSS * 1024 - before) / 1e6;
}

const folder = mkdtempSync(path.join(tmpdir(), 'tfsci-distance-bench-'));
const entry = { worker: path.resolve('src/threads/worker.ts') };
await build({
  entry,
  outDir: folder,
  format: ['esm'],
  outExtension: () => ({ js: '.mjs' }),
  config: false,
  silent: true,
});
const workerFile = path.join(folder, 'worker.mjs');

// Threads that wait actively would take time from those that sort, and from the peers.
configure({ spinning: false });
await useBackend('onnx');
const memory = [];
for (const { n, d, L } of SIZES.slice(-1)) {
  const [x, y] = [cloud(n, d, 0), cloud(n, d, 1)];
  const all = (4 * 2 * n * L) / 1e6;
  memory.push({ n, d, L, 'all projections, MB': all, 'peak, MB': peakMegabytes(ours(x, y, L, 'gradient')) });
  tf.dispose([x, y]);
}
report('memory', memory);

const peer = await torchPeer(PEER);
const rows = [];
for (const { n, d, L, rounds, potRounds } of SIZES) {
  const [x, y] = [cloud(n, d, 0), cloud(n, d, 1)];
  for (const what of ['value', 'gradient'] as const) {
    const alone = ours(x, y, L, what);
    const peers = (names: string[]): Record<string, Timed> =>
      Object.fromEntries(
        names.flatMap(
          (name) =>
          Object.entries(peer?.candidates(`${name} ${what} ${n} ${d} ${L}`) ?? {}).map(([threads, run]) => [`${name} ${threads}`, run]), // prettier-ignore
        ),
      );
    const best = (times: Record<string, number>, name: string): number =>
      Math.min(...Object.keys(times).filter((key) => key.startsWith(`${name} `)).map((key) => times[key]!)); // prettier-ignore
    const times = await interleaved<string>({ ours: alone, ...peers(['numpy', 'plaintorch']) }, { rounds, warmUp: 2 });
    const pots = what === 'value' ? ['pot', 'pottorch'] : ['pot'];
    const slow = await interleaved<string>({ ours: alone, ...peers(pots) }, { rounds: potRounds, warmUp: 1 });
    const pot = Math.min(...pots.map((name) => best(slow, name)));
    const stop = await startThreads('bench', workerFile);
    const without: Timed = () => {
      const end = useRowSolver((problem) => solveRows(problem));
      void alone();
      end();
    };
    const pair = await interleaved({ without, threaded: ours(x, y, L, what) }, { rounds, warmUp: 2 });
    await stop();
    rows.push({
      case: `n = ${n}, d = ${d}, L = ${L}, ${what}`,
      'ours, ms': times['ours']!,
      'numpy / ours': best(times, 'numpy') / times['ours']!,
      'torch / ours': best(times, 'plaintorch') / times['ours']!,
      'POT / ours': pot / slow['ours']!,
      'without threads / with': pair.without / pair.threaded,
    });
    console.log(rows.at(-1));
  }
  tf.dispose([x, y]);
}
peer?.end();
rmSync(folder, { recursive: true, force: true });
report('distance', rows);
