// L tokens, R regions, N the largest count.
import { image, line, rule, scatter, text, type Mark, type Panel } from '@tfsci/tensor-core/plot';
import { check } from '@tfsci/tensor-core';
import { contextualPositions, format, SYMBOLS } from '../task/tokens';

const { argumentMessage } = check;

/** Size of a panel in pixels, and its title; defaults are those of tensor-core's plots. */
export type PanelSize = Pick<Panel, 'title' | 'width' | 'height'>;

const COLOURS = ['#1a66c9', '#e8710a', '#1a9c6b', '#c2185b', '#7b52ab', '#8a6d00', '#00838f', '#555'];
const colourOf = (region: number): string => COLOURS[region % COLOURS.length]!;

/**
 * A sequence, and how much each of its tokens is attended by the queries of the regions; for toSvg and gridToSvg of
 * tensor-core.
 *
 * @param tokens   [L]
 * @param weights  [R, L], a head's `dec.attn.weights` of this sequence
 * @throws RangeError when lengths differ, FormatError for a sequence that is none of the task
 */
export function attentionStrip(
  tokens: ArrayLike<number>,
  weights: readonly ArrayLike<number>[],
  size: PanelSize = {},
): Panel {
  const L = tokens.length;
  const places = contextualPositions(tokens);
  const marks: Mark[] = weights.flatMap((row, k) => {
    if (row.length !== L) {
      const where = 'counting-transformer.attentionStrip';
      throw new RangeError(argumentMessage(where, `weights[${k}]`, `have ${L} numbers, one a token`, row.length));
    }
    const offset = (k - (weights.length - 1) / 2) * 0.12;
    const stems = Array.from(row, (weight, t) => ({ weight, t })).filter(({ weight }) => weight > 1e-3);
    return [
      ...stems.map(({ weight, t }) => line([t + offset, t + offset], [0, weight], { color: colourOf(k), width: 3 })),
      scatter(
        stems.map(({ t }) => t + offset),
        stems.map(({ weight }) => weight),
        { color: colourOf(k), radius: 2.5, label: `region ${k}` },
      ),
    ];
  });
  const most = weights.reduce((max, row) => Array.from(row).reduce((own, weight) => Math.max(own, weight), max), 0);
  const words = [...format(tokens)].map((symbol, t) => {
    const place = places[t];
    return text(t, -0.06 * most, symbol, { color: place === null ? '#888' : colourOf(place!) });
  });
  return {
    height: 220,
    ...size,
    marks: [...marks, ...words],
    x: { show: false, grid: false, domain: [-1, L] },
    y: { label: 'attention of the decoder', domain: [-0.12 * most, 1.05 * most] },
  };
}

/** The table of `tokenScores` of a head: rows attend columns. */
export function scorePanel(scores: readonly ArrayLike<number>[], size: PanelSize = {}): Panel {
  const values = scores.flatMap((row) => Array.from(row));
  const most = values.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-9);
  const n = scores.length;
  const labels = [...SYMBOLS].slice(0, n).flatMap((symbol, i) => {
    return [text(-0.4, n - 0.5 - i, symbol), text(i + 0.5, -0.4, symbol)];
  });
  return {
    width: 260,
    height: 240,
    ...size,
    marks: [image(values, [n, n], { scheme: 'rdbu', range: [-most, most] }), ...labels],
    x: { show: false, grid: false, domain: [-0.8, n] },
    y: { show: false, grid: false, domain: [-0.8, n] },
  };
}

/**
 * The two curves by which a model counts: what a one and what the bias token say to the logits, and their balance for some
 * counts.
 *
 * @param balance.one    effective value of a one, [N + 1]
 * @param balance.bias   of the bias token
 * @param balance.sums   weighted sums of both for some numbers of ones, each with its number
 */
export function balancePanel(
  {
    one,
    bias,
    sums = [],
  }: {
    one: readonly number[];
    bias: readonly number[];
    sums?: readonly { ones: number; logits: readonly number[] }[];
  },
  size: PanelSize = {},
): Panel {
  const j = one.map((_, i) => i);
  return {
    ...size,
    marks: [
      line(j, one, { label: 'a one', color: COLOURS[0]! }),
      line(j, bias, { label: 'the bias token', color: COLOURS[1]! }),
      ...sums.flatMap(({ ones, logits }) => [
        line(j, logits, { color: '#999', width: 1 }),
        rule({ x: ones }, { color: '#bbb', width: 1 }),
      ]),
    ],
    x: { label: 'count' },
    y: { label: 'logit' },
  };
}

/** States in two coordinates, of `principalComponents`, coloured by region; -1 stands for outside. */
export function statesPanel(
  scores: readonly (readonly number[])[],
  regions: readonly number[],
  size: PanelSize = {},
): Panel {
  const kinds = [...new Set(regions)].sort((a, b) => a - b);
  return {
    ...size,
    marks: kinds.map((kind) => {
      const own = scores.filter((_, i) => regions[i] === kind);
      return scatter(
        own.map(([x]) => x!),
        own.map(([, y]) => y ?? 0),
        { color: kind < 0 ? '#aaa' : colourOf(kind), label: kind < 0 ? 'outside' : `region ${kind}`, radius: 2.5 },
      );
    }),
    x: { label: 'first component' },
    y: { label: 'second component' },
  };
}

/** Slopes of predicted over true counts on other laws, over what the bias token foretold. */
export function slopesPanel(found: readonly { foretold: number; measured: number }[], size: PanelSize = {}): Panel {
  const all = found.flatMap(({ foretold, measured }) => [foretold, measured]).filter(Number.isFinite);
  const ends = [Math.min(0.8, ...all), Math.max(1.2, ...all)];
  return {
    width: 320,
    height: 300,
    ...size,
    marks: [
      line(ends, ends, { color: '#999', width: 1 }),
      scatter(
        found.map(({ foretold }) => foretold),
        found.map(({ measured }) => measured),
        { color: COLOURS[0]! },
      ),
    ],
    x: { label: 'slope that the bias token foretells' },
    y: { label: 'slope of the counts' },
  };
}
