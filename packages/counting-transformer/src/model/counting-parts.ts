// B sequences, L tokens, R regions, D width.
import * as tf from '@tensorflow/tfjs';
import { nn } from '@tfsci/tensor-core';
import { VOCABULARY } from '../task/tokens';
import { CountingAttention } from './counting-attention';
import type { CompleteCountingConfig } from './counting-config';
import type { Observer } from './observed';

/** Two linear layers, of which the hidden one can be observed; names 0 and 2, each with weight and bias. */
class FeedForward extends nn.Module {
  private readonly first: nn.Linear;
  private readonly second: nn.Linear;
  private readonly activate: (x: tf.Tensor) => tf.Tensor;

  constructor({ width, feedForward, activation }: CompleteCountingConfig, key: nn.InitKey) {
    super();
    const [one, two] = nn.splitKey<nn.InitKey>(key, 2) as [nn.InitKey, nn.InitKey];
    this.first = this.child('0', new nn.Linear(width, feedForward, { key: one }));
    this.second = this.child('2', new nn.Linear(feedForward, width, { key: two }));
    this.activate = activation === 'gelu' ? nn.gelu : tf.relu;
  }

  forward(x: tf.Tensor, name: string, see: Observer): tf.Tensor {
    const hidden = see(`${name}.hidden`, this.activate(this.first.forward(x)));
    return see(`${name}.out`, this.second.forward(hidden));
  }
}

/** A layer norm, or nothing. */
function normOf(module: nn.LayerNorm | null): (x: tf.Tensor) => tf.Tensor {
  return (x) => (module === null ? x : module.forward(x));
}

/** The encoder: one transformer block over the tokens. */
export class CountingEncoder extends nn.Module {
  readonly attention: CountingAttention;
  private readonly norms: readonly [nn.LayerNorm, nn.LayerNorm] | null;
  private readonly mlp: FeedForward;

  constructor(
    private readonly config: CompleteCountingConfig,
    key: nn.InitKey,
  ) {
    super();
    const { width, heads, layerNorm } = config;
    const [one, two] = nn.splitKey<nn.InitKey>(key, 2) as [nn.InitKey, nn.InitKey];
    const first = layerNorm ? this.child('ln1', new nn.LayerNorm(width)) : null;
    this.attention = this.child('attn', new CountingAttention(width, heads, one));
    const second = layerNorm ? this.child('ln2', new nn.LayerNorm(width)) : null;
    this.norms = first && second && [first, second];
    this.mlp = this.child('mlp', new FeedForward(config, two));
  }

  /** What attention reads: the embeddings, normalised. */
  normed(h_BLD: tf.Tensor): tf.Tensor {
    return normOf(this.norms?.[0] ?? null)(h_BLD);
  }

  forward(h_BLD: tf.Tensor, observe?: Observer): tf.Tensor {
    const see: Observer = observe ?? ((_, value) => value);
    const { causal, positions } = this.config;
    const a = this.normed(h_BLD);
    const mid = see(
      'enc.mid',
      h_BLD.add(this.attention.forward(a, a, { causal, positions, observe, name: 'enc.attn' })),
    );
    const normed = normOf(this.norms?.[1] ?? null)(mid);
    return see('hidden', mid.add(this.mlp.forward(normed, 'enc.mlp', see)));
  }
}

/** The decoder: a query for each region, that attends the whole sequence, and a linear map to the counts. */
export class CountingDecoder extends nn.Module {
  readonly queries: nn.Embedding;
  readonly attention: CountingAttention;
  readonly head: nn.Linear;
  private readonly self: CountingAttention | null;
  private readonly mlp: FeedForward | null;
  private readonly norms: readonly (nn.LayerNorm | null)[];

  constructor(
    private readonly config: CompleteCountingConfig,
    key: nn.InitKey,
  ) {
    super();
    const { regions, width, heads, maxCount, decoder } = config;
    const keys = nn.splitKey<nn.InitKey>(key, 5);
    const [one, two, three, four, five] = keys as [nn.InitKey, nn.InitKey, nn.InitKey, nn.InitKey, nn.InitKey];
    this.queries = this.child('query', new nn.Embedding(regions, width, { key: one }));
    const norm = (name: string, isThere: boolean): nn.LayerNorm | null =>
      decoder.layerNorm && isThere ? this.child(name, new nn.LayerNorm(width)) : null;
    this.norms = [norm('ln1', decoder.selfAttention), norm('ln2', true), norm('ln3', decoder.mlp)];
    this.self = decoder.selfAttention ? this.child('self', new CountingAttention(width, heads, four)) : null;
    this.attention = this.child('attn', new CountingAttention(width, heads, two));
    this.mlp = decoder.mlp ? this.child('mlp', new FeedForward(config, five)) : null;
    this.head = this.child('head', new nn.Linear(width, maxCount + 1, { key: three }));
  }

  /** @returns logits [B, R, N + 1] */
  forward(hidden_BLD: tf.Tensor, observe?: Observer): tf.Tensor {
    const see: Observer = observe ?? ((_, value) => value);
    const options = { causal: false, positions: { kind: 'none' }, observe } as const;
    const [first, second, third] = this.norms.map((norm) => normOf(norm)) as [Map, Map, Map];
    const rows = this.queries.weight.expandDims<tf.Tensor>(0);
    let g: tf.Tensor = rows.tile([hidden_BLD.shape[0], 1, 1]);
    if (this.self !== null) {
      const normed = first(g);
      g = g.add(this.self.forward(normed, normed, { ...options, name: 'dec.self' }));
    }
    g = see('dec.queries', second(g));
    let out = this.attention.forward(g, hidden_BLD, { ...options, name: 'dec.attn' });
    if (this.mlp !== null) out = out.add(this.mlp.forward(third(out), 'dec.mlp', see));
    return see('logits', this.head.forward(out));
  }
}

type Map = (x: tf.Tensor) => tf.Tensor;

/** The vectors of the five tokens. */
export function tokenEmbedding(width: number, key: nn.InitKey): nn.Embedding {
  return new nn.Embedding(VOCABULARY, width, { key });
}
