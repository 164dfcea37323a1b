import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { interleaved, report, type Timed } from '@tfsci/tooling/bench';
import { jit, useBackend } from '../src/backend';
import { normal, key, split } from '../src/random';
import { AdamW } from '../src/optim';

// One step of AdamW with given gradients over the weights of transformer blocks, compiled on the onnx backend: ours, Adam
// of TensorFlow.js, and AdamW of PyTorch (python3 with torch, if there is one) with one thread and with all. With and
// without clipping by the global norm. PyTorch in a process of its own; all take turns.
//
// ADAMW_BLOCKS=5x64,3x256,8x512 chooses the sizes, blocks x width; TFSCI_PYTHON the interpreter.

const SIZES = (process.env['ADAMW_BLOCKS'] ?? '5x64,3x256,8x512').split(',').map((size) => size.split('x').map(Number));
const THREADS = availableParallelism();

const CHOSEN = process.env['TFSCI_PYTHON'];
const PYTHON = (CHOSEN ? [CHOSEN] : ['/usr/bin/python3', 'python3']).find(
  (command) => spawnSync(command, ['-c', 'import torch']).status === 0,
);

const shapesOf = (blocks: number, width: number): number[][] =>
  Array.from({ length: blocks }, () => [[width, width], [width], [width, 4 * width], [4 * width]]).flat();

const PEER = `
import sys, json, torch
shapes, threads, clip = json.loads(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
torch.set_num_threads(threads)
weights = [torch.nn.Parameter(torch.randn(s)) for s in shapes]
for w in weights:
    w.grad = torch.randn_like(w)
optimizer = torch.optim.AdamW(weights)
print('ready', flush=True)
for _ in sys.stdin:
    if clip:
        torch.nn.utils.clip_grad_norm_(weights, clip)
    optimizer.step()
    print('done', flush=True)
`;

/** A step in a process of its own; null without PyTorch. */
async function peer(
  shapes: number[][],
  threads: number,
  clip: number,
): Promise<{ step: Timed; end: () => void } | null> {
  if (PYTHON === undefined) return null;
  const args = ['-c', PEER, JSON.stringify(shapes), String(threads), String(clip)];
  const child = spawn(PYTHON, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  const step = async (): Promise<void> => {
    child.stdin.write('step\n');
    await lines.next();
  };
  return { step, end: () => void child.stdin.end() };
}

/** A compiled step, waiting for its result. */
function ours(shapes: number[][], optimizer: tf.Optimizer): Timed {
  const keys = split(key(1), 2 * shapes.length);
  const weights = shapes.map((shape, i) => tf.variable(normal(keys[2 * i]!, shape)));
  const gradients = shapes.map((shape, i) => normal(keys[2 * i + 1]!, shape));
  const step = jit((given: tf.Tensor[]) => {
    optimizer.applyGradients(weights.map(({ name }, i) => ({ name, tensor: given[i]! })));
    return weights.at(-1)!.sum();
  });
  return () => {
    const sum = step(gradients);
    sum.dataSync();
    sum.dispose();
  };
}

await useBackend('onnx');
const rows: Record<string, string | number>[] = [];
for (const [blocks, width] of SIZES as [number, number][]) {
  const shapes = shapesOf(blocks, width);
  const parameters = shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
  for (const clip of [0, 1]) {
    const [one, all] = [await peer(shapes, 1, clip), await peer(shapes, THREADS, clip)];
    const candidates: Record<string, Timed> = {
      ours: ours(shapes, new AdamW(clip === 0 ? {} : { clipNorm: clip })),
      adam: ours(shapes, tf.train.adam(1e-3)),
      ...(one && all && { torchOne: one.step, torchAll: all.step }),
    };
    const times = await interleaved(candidates, { rounds: 25, warmUp: 5 });
    one?.end();
    all?.end();
    tf.disposeVariables();
    const torch = Math.min(times['torchOne'] ?? NaN, times['torchAll'] ?? NaN);
    rows.push({
      parameters,
      tensors: shapes.length,
      clipping: clip === 0 ? 'no' : 'yes',
      'AdamW, ms': times['ours']!,
      'tf.train.adam (no clipping), ms': times['adam']!,
      'PyTorch AdamW, ms': torch,
      'ours / PyTorch': times['ours']! / torch,
    });
  }
}
report('adamw', rows);
