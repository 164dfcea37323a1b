import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { jit, optim, random, useBackend } from '@tfsci/tensor-core';
import { interleaved, report, torchPeer, torchTime } from '@tfsci/tooling/bench';
import { denseNetwork, type UpdateOptions } from '../src/index';

// One training step of a dense network, tanh, softmax cross-entropy, SGD with momentum, float32: ours with errors that are
// back-propagated, fed back, and fed back ternary with optical noise, beside the same steps in PyTorch: back-propagation by
// autograd with torch.optim.SGD, and feedback written out without autograd, each with one thread and with all.

const SIZES = [
  { sizes: [64, 128, 128, 10], batch: 64 },
  { sizes: [784, 512, 512, 10], batch: 128 },
  { sizes: [784, 2048, 2048, 2048, 10], batch: 128 },
];
const MODES: Record<string, UpdateOptions> = {
  bp: { mode: 'bp' },
  dfa: { mode: 'dfa' },
  photonic: { mode: 'ternary', threshold: 0.25, sigma: 0.5 },
};

const PEER = `
import torch.nn.functional as F

class Net:
    def __init__(self, sizes, batch):
        self.x = torch.rand(batch, sizes[0])
        self.y = torch.randint(sizes[-1], (batch,))
        self.onehot = F.one_hot(self.y, sizes[-1]).float()
        self.model = torch.nn.Sequential(*[m for n, k in zip(sizes[:-2], sizes[1:-1]) for m in (torch.nn.Linear(n, k), torch.nn.Tanh())], torch.nn.Linear(sizes[-2], sizes[-1]))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.005, momentum=0.9)
        self.layers = [m for m in self.model if isinstance(m, torch.nn.Linear)]
        self.B = [torch.randn(sizes[-1], k) / sizes[-1] ** 0.5 for k in sizes[1:-1]]
        self.velocity = [torch.zeros_like(p) for p in self.model.parameters()]

    def bp(self):
        self.optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(self.model(self.x), self.y).backward()
        self.optimizer.step()

    @torch.no_grad()
    def dfa(self, sigma=None):
        hs = [self.x]
        for layer in self.layers[:-1]:
            hs.append(torch.tanh(F.linear(hs[-1], layer.weight, layer.bias)))
        z = F.linear(hs[-1], self.layers[-1].weight, self.layers[-1].bias)
        e = torch.softmax(z, 1).sub_(self.onehot)
        code = e if sigma is None else (e > 0.25).float().sub_((e < -0.25).float())
        deltas = []
        for B, h in zip(self.B, hs[1:]):
            f = code @ B
            if sigma is not None:
                f.add_(torch.randn_like(f), alpha=sigma)
            deltas.append(f.mul_(1 - h * h))
        deltas.append(e)
        for i, (layer, h, delta) in enumerate(zip(self.layers, hs, deltas)):
            delta.div_(len(self.x))
            for p, g, v in ((layer.weight, delta.T @ h, self.velocity[2 * i]), (layer.bias, delta.sum(0), self.velocity[2 * i + 1])):
                v.mul_(0.9).add_(g)
                p.sub_(v, alpha=0.005)

nets = {}
def run(line):
    mode, batch, *sizes = line.split()
    key = (batch, *sizes)
    if key not in nets:
        nets[key] = Net(list(map(int, sizes)), int(batch))
    if mode == 'photonic':
        nets[key].dfa(0.5)
    else:
        getattr(nets[key], mode)()
`;

await useBackend('onnx');
const peer = await torchPeer(PEER);
const rows = [];
for (const { sizes, batch } of SIZES) {
  const x = random.uniform(random.key(0), [batch, sizes[0]!]);
  const y = random.integers(random.key(1), [batch], 0, sizes.at(-1)!);
  let draw = 0;
  const steps = Object.entries(MODES).map(([mode, options]) => {
    const network = denseNetwork({ inputs: sizes[0]!, hidden: sizes.slice(1, -1), outputs: sizes.at(-1)!, key: 2 });
    const optimizer = new optim.Sgd({ learningRate: 0.005, momentum: 0.9 });
    const step = jit((images: tf.Tensor, labels: tf.Tensor, key: random.Key) =>
      tf.tidy(() => {
        const { loss, gradients } = network.gradients(images, labels, { ...options, key });
        optimizer.applyGradients(gradients);
        return loss;
      }),
    );
    const run = (): void => {
      const loss = step(x, y, random.key(draw++));
      loss.dataSync();
      loss.dispose();
    };
    return [mode, run] as const;
  });
  const candidates: Record<string, () => void | Promise<void>> = Object.fromEntries(steps);
  for (const mode of Object.keys(MODES)) {
    const torch: Record<string, () => Promise<void>> = peer?.candidates(`${mode} ${batch} ${sizes.join(' ')}`) ?? {};
    for (const [threads, run] of Object.entries(torch)) candidates[`${mode} ${threads}`] = run;
  }
  const times = await interleaved<string>(candidates, { rounds: 15, warmUp: 3, calls: 8 });
  for (const mode of Object.keys(MODES)) {
    const theirs = torchTime({ torchOne: times[`${mode} torchOne`], torchAll: times[`${mode} torchAll`] });
    const backprop = torchTime({ torchOne: times['bp torchOne'], torchAll: times['bp torchAll'] });
    rows.push({
      case: `${sizes.join('-')}, batch ${batch}, ${mode}`,
      'ours, ms': times[mode]!,
      'torch, ms': theirs,
      'ours / torch': times[mode]! / theirs,
      'ours / torch bp': times[mode]! / backprop,
      'ours / our bp': times[mode]! / times['bp']!,
    });
  }
  tf.dispose([x, y]);
}
peer?.end();
report('step', rows);
