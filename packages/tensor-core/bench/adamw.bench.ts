import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { interleaved, report, torchPeer, torchTime, type Timed } from '@tfsci/tooling/bench';
import { jit, useBackend } from '../src/backend';
import { normal, key, split } from '../src/random';
import { AdamW } from '../src/optim';

// One step of AdamW with given gradients over the weights of transformer blocks, compiled on the onnx backend: ours, Adam
// of TensorFlow.js, and AdamW of PyTorch (where there is one). With and without clipping by the global norm.
//
// ADAMW_BLOCKS=5x64,3x256,8x512 chooses the sizes, blocks x width; the default's last one has 10 million weights.

const SIZES = (process.env['ADAMW_BLOCKS'] ?? '5x64,3x256,8x512').split(',').map((size) => size.split('x').map(Number));
const shapesOf = (blocks: number, width: number): number[][] =>
  Array.from({ length: blocks }, () => [[width, width], [width], [width, 4 * width], [4 * width]]).flat();

const PEER = `
import json
shapes, clip = json.loads(args[0]), float(args[1])
weights = [torch.nn.Parameter(torch.randn(s)) for s in shapes]
for w in weights:
    w.grad = torch.randn_like(w)
optimizer = torch.optim.AdamW(weights)
def run(line):
    if clip:
        torch.nn.utils.clip_grad_norm_(weights, clip)
    optimizer.step()
`;

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
    const peer = await torchPeer(PEER, [JSON.stringify(shapes), clip]);
    const candidates: Record<string, Timed> = {
      ours: ours(shapes, new AdamW(clip === 0 ? {} : { clipNorm: clip })),
      adam: ours(shapes, tf.train.adam(1e-3)),
      ...peer?.candidates(),
    };
    const times = await interleaved(candidates, { rounds: 25, warmUp: 5 });
    peer?.end();
    tf.disposeVariables();
    const torch = torchTime(times);
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
