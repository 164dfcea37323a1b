import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { jit, optim, random, useBackend } from '@tfsci/tensor-core';
import { interleaved, report, torchPeer, torchTime } from '@tfsci/tooling/bench';
import { denseNetwork, privateGradients, type UpdateOptions } from '../src/index';

// What a bound for each example adds to a training step of 784-512-512-10, batch 128, SGD with momentum, float32: a plain step,
// one with gradients clipped example by example (norms without the gradients), and one with noise by key besides; beside
// the same in PyTorch, and PyTorch with the gradients of all examples multiplied out.

const [SIZES, BATCH] = [[784, 512, 512, 10], 128];

const PEER = `
import torch.nn.functional as F

SIZES, BATCH = ${JSON.stringify(SIZES)}, ${BATCH}
x, y = torch.rand(BATCH, SIZES[0]), torch.randint(SIZES[-1], (BATCH,))
layers = [torch.nn.Linear(n, k) for n, k in zip(SIZES, SIZES[1:])]
parameters = [p for layer in layers for p in (layer.weight, layer.bias)]
optimizer = torch.optim.SGD(parameters, lr=0.005, momentum=0.9)

def run(line):
    optimizer.zero_grad(set_to_none=True)
    hs, zs, h = [], [], x
    for i, layer in enumerate(layers):
        hs.append(h)
        z = layer(h)
        zs.append(z)
        h = torch.tanh(z)
    loss = F.cross_entropy(zs[-1], y, reduction='sum')
    if line == 'plain':
        (loss / BATCH).backward()
    else:
        with torch.no_grad():
            deltas = torch.autograd.grad(loss, zs)
            if line == 'clipped':
                squares = sum((h.square().sum(1) + 1) * d.square().sum(1) for h, d in zip(hs, deltas))
                factors = (1 / (squares.sqrt() + 1e-6)).clamp(max=1).unsqueeze(1)
                for layer, h, d in zip(layers, hs, deltas):
                    d = d * factors / BATCH
                    layer.weight.grad, layer.bias.grad = d.T @ h, d.sum(0)
            else:
                each = [(torch.einsum('mk,mn->mkn', d, h), d) for h, d in zip(hs, deltas)]
                squares = sum(g.flatten(1).square().sum(1) for pair in each for g in pair)
                factors = (1 / (squares.sqrt() + 1e-6)).clamp(max=1) / BATCH
                for layer, (w, b) in zip(layers, each):
                    layer.weight.grad, layer.bias.grad = torch.einsum('m,mkn->kn', factors, w), factors @ b
    optimizer.step()
`;

await useBackend('onnx');
const x = random.uniform(random.key(0), [BATCH, SIZES[0]!]) as tf.Tensor2D;
const y = random.integers(random.key(1), [BATCH], 0, SIZES.at(-1)!);
let draw = 0;

function stepOf(kind: 'plain' | 'clipped' | 'with noise'): () => void {
  const network = denseNetwork({ inputs: SIZES[0]!, hidden: SIZES.slice(1, -1), outputs: SIZES.at(-1)!, key: 2 });
  const optimizer = new optim.Sgd({ learningRate: 0.005, momentum: 0.9 });
  const silence = Object.values(network.parameters).map(({ shape }) => tf.zeros(shape));
  const protection = { clip: 1, noiseMultiplier: 1, expectedExamples: BATCH };
  const update: UpdateOptions = { mode: 'bp' };
  const step = jit((images: tf.Tensor, labels: tf.Tensor, key: random.Key) =>
    tf.tidy(() => {
      const { loss, gradients } =
        kind === 'plain'
          ? network.gradients(images, labels, update)
          : privateGradients(
              network,
              { x: images, y: labels },
              { ...protection, update, noise: kind === 'clipped' ? silence : key },
            );
      optimizer.applyGradients(gradients);
      return loss;
    }),
  );
  return () => {
    const loss = step(x, y, random.key(draw++));
    loss.dataSync();
    loss.dispose();
  };
}

const kinds = ['plain', 'clipped', 'with noise'] as const;
const peer = await torchPeer(PEER);
const candidates: Record<string, () => void | Promise<void>> = Object.fromEntries(
  kinds.map((kind) => [kind, stepOf(kind)]),
);
for (const kind of ['plain', 'clipped', 'materialised']) {
  const torch: Record<string, () => Promise<void>> = peer?.candidates(kind) ?? {};
  for (const [threads, run] of Object.entries(torch)) candidates[`${kind} ${threads}`] = run;
}
const times = await interleaved<string>(candidates, { rounds: 9, warmUp: 2, calls: 6 });
const torchOf = (kind: string): number =>
  torchTime({ torchOne: times[`${kind} torchOne`], torchAll: times[`${kind} torchAll`] });
const rows = kinds.map((kind) => ({
  step: kind,
  'ours, ms': times[kind]!,
  'ours / our plain step': times[kind]! / times['plain']!,
  'torch, ms': kind === 'with noise' ? '' : torchOf(kind),
  'torch, examples multiplied out, ms': kind === 'clipped' ? torchOf('materialised') : '',
}));
peer?.end();
tf.dispose([x, y]);
report('clipping', rows);
