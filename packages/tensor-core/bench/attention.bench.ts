import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { interleaved, report, torchPeer, torchTime, type Timed } from '@tfsci/tooling/bench';
import { jit, useBackend } from '../src/backend';
import { MultiheadAttention, scaledDotProductAttention } from '../src/nn';
import { key, normal, split } from '../src/random';

// Attention forwards and backwards, compiled on the onnx backend: the function alone, with gradients by queries, keys and
// values, and the module on one sequence, with gradients by its input and parameters; against PyTorch where there is one.
//
// ATTENTION_SIZES=8x8x128x64,8x8x512x64 chooses the sizes, batch x heads x tokens x width of a head; ATTENTION_ROUNDS how
// often.

type Size = [batch: number, heads: number, tokens: number, width: number];
type Kind = 'function' | 'module';

const SIZES = (process.env['ATTENTION_SIZES'] ?? '8x8x128x64,8x8x512x64').split(',').map((size) => size.split('x').map(Number) as Size); // prettier-ignore
const ROUNDS = Number(process.env['ATTENTION_ROUNDS'] ?? 15);
const PEER = `
kind, causal = args[0], args[1] == 'true'
B, H, T, D = map(int, args[2:6])
mask = torch.full((T, T), float('-inf')).triu(1) if causal else None
if kind == 'module':
    module = torch.nn.MultiheadAttention(H * D, H, batch_first=True)
    leaves = [torch.randn(B, T, H * D, requires_grad=True)]
    forward = lambda: module(leaves[0], leaves[0], leaves[0], attn_mask=mask, need_weights=False)[0]
    parameters = list(module.parameters())
else:
    leaves, parameters = [torch.randn(B * H, T, D, requires_grad=True) for _ in range(3)], []
    zero = torch.zeros(1, 1, 1)
    def forward():
        q, k, v = leaves
        added, beta = (zero, 0) if mask is None else (mask, 1)
        scores = torch.baddbmm(added, q, k.transpose(1, 2), alpha=D ** -0.5, beta=beta)
        return torch.bmm(scores.softmax(-1), v)
dy = torch.randn_like(forward())
def run(line):
    torch.autograd.grad((forward() * dy).sum(), leaves + parameters)
`;

/** A compiled step, waiting for its gradients. */
function ours(kind: Kind, isCausal: boolean, [B, H, T, D]: Size): Timed {
  const keys = split(key(1), 5);
  const mask = isCausal ? ('causal' as const) : undefined;
  const module = kind === 'module' ? new MultiheadAttention(H * D, H, { key: keys[4]! }) : null;
  const shape = module ? [B, T, H * D] : [B, H, T, D];
  const inputs = (module ? [0] : [0, 1, 2]).map((i) => tf.variable(normal(keys[i]!, shape)));
  const dy = normal(keys[3]!, shape);
  const forward = (): tf.Tensor => {
    const [q, k, v] = inputs;
    return module ? module.forward(q!, { mask }) : scaledDotProductAttention(q!, k!, v!, { mask }).out;
  };
  const variables = [...inputs, ...(module?.trainableVariables() ?? [])];
  const step = jit(() => tf.variableGrads(() => forward().mul(dy).sum().asScalar(), variables).grads);
  return () => {
    const gradients = Object.values(step());
    for (const gradient of gradients) gradient.dataSync();
    tf.dispose(gradients);
  };
}

await useBackend('onnx');
const rows: Record<string, string | number>[] = [];
for (const size of SIZES) {
  for (const kind of ['function', 'module'] as const) {
    for (const isCausal of [false, true]) {
      const peer = await torchPeer(PEER, [kind, String(isCausal), ...size]);
      const candidates: Record<string, Timed> = {
        ours: ours(kind, isCausal, size),
        ...peer?.candidates(),
      };
      const times = await interleaved(candidates, { rounds: ROUNDS, warmUp: 3 });
      peer?.end();
      tf.disposeVariables();
      const torch = torchTime(times);
      rows.push({
        'batch x heads x tokens x width': size.join(' x '),
        what: kind === 'module' ? 'MultiheadAttention' : 'scaledDotProductAttention',
        mask: isCausal ? 'causal' : 'none',
        'ours, ms': times['ours']!,
        'PyTorch, ms': torch,
        'ours / PyTorch': times['ours']! / torch,
      });
    }
  }
}
report('attention', rows);
