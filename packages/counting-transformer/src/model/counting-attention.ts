// B sequences, T queries, S keys, D width, H heads, W = D / H.
import * as tf from '@tensorflow/tfjs';
import { nn } from '@tfsci/tensor-core';
import type { Observer } from './observed';
import type { PositionCode } from './positions';

/** What attention may see, and who looks at it. */
export interface CountingAttentionOptions {
  causal: boolean;
  /** Only rotary and linear ones count here. */
  positions: PositionCode;
  observe?: Observer | undefined;
  /** Before the names of what is observed. */
  name: string;
}

/** Attention of x to a sequence, all of whose parts can be observed; names q, k, v, o, each with weight and bias. */
export class CountingAttention extends nn.Module {
  readonly q: nn.Linear;
  readonly k: nn.Linear;
  readonly v: nn.Linear;
  readonly o: nn.Linear;

  constructor(
    width: number,
    readonly heads: number,
    key: nn.InitKey,
  ) {
    super();
    const [one, two, three, four] = nn.splitKey<nn.InitKey>(key, 4) as [nn.InitKey, ...nn.InitKey[]];
    this.q = this.child('q', new nn.Linear(width, width, { key: one }));
    this.k = this.child('k', new nn.Linear(width, width, { key: two! }));
    this.v = this.child('v', new nn.Linear(width, width, { key: three! }));
    this.o = this.child('o', new nn.Linear(width, width, { key: four! }));
  }

  /** @returns [B, T, D] */
  forward(x_BTD: tf.Tensor, from_BSD: tf.Tensor, options: CountingAttentionOptions): tf.Tensor {
    const { causal, positions, observe, name } = options;
    return tf.tidy(() => {
      const see: Observer = observe ?? ((_, value) => value);
      const split = (part: 'q' | 'k' | 'v', source: tf.Tensor): tf.Tensor =>
        nn.splitHeads(this[part].forward(source), this.heads);
      const turned = (x: tf.Tensor): tf.Tensor => (positions.kind === 'rope' ? nn.rope(x, ropeOptions(positions)) : x);
      const q = see(`${name}.q`, turned(split('q', x_BTD)));
      const k = see(`${name}.k`, turned(split('k', from_BSD)));
      const v = see(`${name}.v`, split('v', from_BSD));
      const bias = this.linearBias(positions, q.shape[2]!, k.shape[2]!);
      const mask = causal ? ('causal' as const) : undefined;
      if (observe === undefined) {
        const { out } = nn.scaledDotProductAttention(q, k, v, { mask, bias });
        return this.o.forward(nn.mergeHeads(out));
      }
      const scale = 1 / Math.sqrt(q.shape[3]!);
      const products = tf.matMul(q.mul(scale), k, false, true);
      const scores = see(`${name}.scores`, bias === undefined ? products : products.add(bias));
      const weights = tf.softmax(causal ? scores.add(nn.causalMask(q.shape[2]!, k.shape[2]!)) : scores);
      const out = tf.matMul(see(`${name}.weights`, weights), v);
      return see(`${name}.out`, this.o.forward(nn.mergeHeads(out)));
    });
  }

  private linearBias(positions: PositionCode, T: number, S: number): tf.Tensor | undefined {
    if (positions.kind !== 'alibi') return undefined;
    return nn.alibiBias(T, S, positions.slopes ?? nn.alibiSlopes(this.heads));
  }
}

function ropeOptions({ base, layout }: Extract<PositionCode, { kind: 'rope' }>): nn.RopeOptions {
  return { ...(base !== undefined && { base }), ...(layout !== undefined && { layout }) };
}
