import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { jit, optim, random, useBackend } from '@tfsci/tensor-core';
import { interleaved, report, torchPeer, torchTime } from '@tfsci/tooling/bench';
import { batchLoss, collate, Numformer, NUMFORMER_SIZES } from '@tfsci/xval';

// One training step of a Numformer with AdamW, float32, 0.3 of all positions masked and half of them numbers: ours, and the
// same model and step in PyTorch, with one thread and with all. Dropout is off in both: it costs PyTorch's steps more.

const SIZES = [
  { name: 'small', L: 16, batch: 128 },
  { name: 'notebook', L: 577, batch: 2 },
  { name: 'paper', L: 577, batch: 1 },
] as const;
const V = 27;

const PEER = `
import torch.nn as nn, torch.nn.functional as F

class Numformer(nn.Module):
    def __init__(self, V, d, heads, layers, ff, context):
        super().__init__()
        self.tokens, self.places = nn.Embedding(V, d), nn.Embedding(context, d)
        layer = nn.TransformerEncoderLayer(d, heads, ff, 0.0, 'gelu', batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers)
        self.lm = nn.Sequential(nn.Linear(d, ff, bias=False), nn.GELU(), nn.Linear(ff, V, bias=False))
        self.num = nn.Sequential(nn.Linear(d, ff), nn.GELU(), nn.Linear(ff, 1))

    def forward(self, x, numbers):
        h = self.tokens(x) * numbers.unsqueeze(-1) + self.places.weight[:x.shape[1]]
        h = self.encoder(h)
        return self.lm(h), self.num(h).squeeze(-1)

class Case:
    def __init__(self, batch, L, *sizes):
        self.model = Numformer(*sizes)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, weight_decay=0.01)
        ids = torch.randint(3, 5, (batch, L))
        self.yn = torch.where(ids == 3, torch.randn(batch, L), torch.ones(()))
        mask = torch.rand(batch, L) < 0.3
        self.x, self.xn = ids.masked_fill(mask, 1), self.yn.masked_fill(mask, 1.0)
        self.y = ids.masked_fill(~mask, -100)

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        logits, numbers = self.model(self.x, self.xn)
        asked = self.y == 3
        loss = F.cross_entropy(logits.flatten(0, 1), self.y.flatten()) + F.mse_loss(numbers[asked], self.yn[asked])
        loss.backward()
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
for (const { name, L, batch } of SIZES) {
  const size = NUMFORMER_SIZES[name];
  const { width, heads, layers, feedForward } = size;
  const model = Numformer.create({ ...size, vocabSize: V, dropout: 0 }, 0);
  const optimizer = new optim.AdamW({ learningRate: 1e-4, weightDecay: 0.01 });
  const key = random.key(1);
  const samples = Array.from({ length: batch }, (_, b) => ({
    ids: random.fillIntegers(random.foldIn(key, b), new Int32Array(L), { low: 3, high: 5 }),
    numbers: random.fillNormal(random.foldIn(key, b), new Float32Array(L)),
  }));
  const ids = { padId: 2, maskId: 1, numberId: 3 };
  const labelled = collate(samples, { ...ids, key, labelledOnly: true });
  const variables = model.trainableVariables();
  const step = jit((data: typeof labelled) =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => batchLoss(model, data).loss, variables);
      optimizer.applyGradients(grads);
      return value;
    }),
  );
  const ours = (): void => {
    const loss = step(labelled);
    loss.dataSync();
    loss.dispose();
  };
  const line = [batch, L, V, width, heads, layers, feedForward, size.context].join(' ');
  const theirs = peer?.candidates(line) ?? {};
  const calls = name === 'small' ? 8 : 1;
  const times = await interleaved<string>({ ours, ...theirs }, { rounds: name === 'small' ? 15 : 5, warmUp: 2, calls });
  const torch = torchTime({ torchOne: times['torchOne'], torchAll: times['torchAll'] });
  rows.push({
    case: `${name}: ${model.parameterCount()} parameters, ${batch} x ${L} tokens`,
    'ours, ms': times['ours']!,
    'torch, ms': torch,
    'ours / torch': times['ours']! / torch,
  });
  tf.dispose(labelled);
  optimizer.dispose();
  model.dispose();
}
peer?.end();
report('step', rows);
