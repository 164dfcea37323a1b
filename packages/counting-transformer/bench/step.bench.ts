import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { jit, optim, random, useBackend } from '@tfsci/tensor-core';
import { interleaved, report, torchPeer, torchTime } from '@tfsci/tooling/bench';
import { CountingTransformer, countingLoss, sampleTask, type CountingConfig } from '@tfsci/counting-transformer';

// One training step with AdamW, float32: ours, and the same model and step in PyTorch, with one thread and with all; and how
// fast sequences are made.

const CASES = [
  { name: 'reduced', T: 32, regions: 2, maxCount: 24, width: 32, feedForward: 64, batch: 64 },
  { name: 'paper', T: 512, regions: 4, maxCount: 255, width: 64, feedForward: 128, batch: 64 },
] as const;
const CODES = { none: { kind: 'none' }, rope: { kind: 'rope' } } as const satisfies Record<
  string,
  CountingConfig['positions']
>;

const PEER = `
import math
import torch.nn as nn, torch.nn.functional as F

class Attention(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(d, d) for _ in range(4))

class Counting(nn.Module):
    def __init__(self, T, R, N, d, ff, rope):
        super().__init__()
        self.tok, self.query = nn.Embedding(5, d), nn.Parameter(torch.randn(R, d))
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.enc, self.dec = Attention(d), Attention(d)
        self.mlp = nn.Sequential(nn.Linear(d, ff), nn.GELU(), nn.Linear(ff, d))
        self.head = nn.Linear(d, N + 1)
        self.register_buffer('mask', torch.full((T + 1, T + 1), -math.inf).triu(1))
        angles = torch.arange(T + 1)[:, None] * 10000.0 ** (-torch.arange(0, d, 2) / d)
        self.cos, self.sin = angles.cos(), angles.sin()
        self.rope, self.scale = rope, d ** -0.5

    def turn(self, x):
        if not self.rope:
            return x
        a, b = x.chunk(2, -1)
        return torch.cat([a * self.cos - b * self.sin, b * self.cos + a * self.sin], -1)

    def forward(self, tokens):
        h = self.tok(tokens)
        a = self.ln1(h)
        scores = self.turn(self.enc.q(a)) @ self.turn(self.enc.k(a)).transpose(1, 2) * self.scale + self.mask
        h = h + self.enc.o(scores.softmax(-1) @ self.enc.v(a))
        h = h + self.mlp(self.ln2(h))
        scores = self.dec.q(self.query) @ self.dec.k(h).transpose(1, 2) * self.scale
        return self.head(self.dec.o(scores.softmax(-1) @ self.dec.v(h)))

class Case:
    def __init__(self, batch, T, R, N, d, ff, rope):
        self.model = Counting(T, R, N, d, ff, rope)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, weight_decay=0.01)
        self.tokens, self.counts = torch.randint(0, 4, (batch, T + 1)), torch.randint(0, N, (batch * R,))

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(self.model(self.tokens).flatten(0, 1), self.counts).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()

cases = {}
def run(line):
    if line not in cases:
        cases.clear()
        cases[line] = Case(*map(int, line.split()))
    cases[line].step()
`;

await useBackend('onnx');
const peer = await torchPeer(PEER);
const rows = [];
for (const { name, T, regions, maxCount, width, feedForward, batch } of CASES) {
  for (const [code, positions] of Object.entries(CODES)) {
    const model = CountingTransformer.create({ regions, maxCount, width, feedForward, positions }, 0);
    const optimizer = new optim.AdamW({ learningRate: 1e-3, weightDecay: 0.01 });
    const samples = sampleTask(random.key(1), batch, { length: T, regions });
    const tensors = {
      tokens: tf.tensor2d(samples.tokens, [batch, T + 1], 'int32'),
      counts: tf.tensor2d(samples.counts, [batch, regions], 'int32'),
    };
    const variables = model.trainableVariables();
    const step = jit(({ tokens, counts }: typeof tensors) =>
      tf.tidy(() => {
        const { value, grads } = tf.variableGrads(() => countingLoss(model.forward(tokens), counts), variables);
        optimizer.applyGradients(optim.clipByGlobalNorm(grads, 1).clipped);
        return value;
      }),
    );
    const ours = (): void => {
      const loss = step(tensors);
      loss.dataSync();
      loss.dispose();
    };
    const line = [batch, T, regions, maxCount, width, feedForward, Number(code === 'rope')].join(' ');
    const isSmall = name === 'reduced';
    const times = await interleaved<string>(
      { ours, ...(peer?.candidates(line) ?? {}) },
      { rounds: isSmall ? 15 : 5, warmUp: 2, calls: isSmall ? 20 : 1 },
    );
    const torch = torchTime({ torchOne: times['torchOne'], torchAll: times['torchAll'] });
    rows.push({
      case: `${name}, ${code}: ${batch} x ${T + 1} tokens, width ${width}`,
      'ours, ms': times['ours']!,
      'torch, ms': torch,
      'ours / torch': times['ours']! / torch,
    });
    tf.dispose(tensors);
    optimizer.dispose();
    model.dispose();
  }
}
peer?.end();
report('step', rows);

const made = await interleaved<string>(
  { sequences: () => void sampleTask(random.key(0), 256, { length: 512, regions: 4 }) },
  { rounds: 9, warmUp: 2, calls: 2 },
);
report('data', [{ case: 'sequences of 513 tokens', 'million tokens/s': (256 * 513) / made['sequences']! / 1000 }]);
