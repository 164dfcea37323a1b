import { toSvg } from '@tfsci/tensor-core/plot';
import { describe, expect, it } from 'vitest';
import { parse } from '../src';
import { attentionStrip, balancePanel, scorePanel, slopesPanel, statesPanel } from '../src/plot';

/** The drawing of a panel. */
const svgOf = ({ marks, ...options }: ReturnType<typeof scorePanel>): Promise<string> => toSvg(marks, options);
const count = (svg: string, pattern: RegExp): number => svg.match(pattern)?.length ?? 0;

describe('panels', () => {
  it('attentionStrip has each symbol, and a stem for each token that is attended', async () => {
    const tokens = parse('^[01]1[]');
    const weights = [
      [0.5, 0, 0, 0.5, 0, 0, 0, 0],
      [1, 0, 0, 0, 0, 0, 0, 0],
    ];
    const panel = attentionStrip(tokens, weights, { title: 'A strip' });
    expect(panel.marks.filter(({ kind }) => kind === 'line')).toHaveLength(3);
    expect(panel.marks.filter(({ kind }) => kind === 'text')).toHaveLength(8);
    const svg = await svgOf(panel);
    expect(svg).toContain('A strip');
    expect(svg).toContain('region 1');
    expect(() => attentionStrip(tokens, [[1]])).toThrow(/weights\[0\] must have 8 numbers/);
    expect(() => attentionStrip(parse('[['), [[1, 0]])).toThrow(/must come after/);
  });

  it('scorePanel is a picture with symbols on both sides', async () => {
    const table = Array.from({ length: 5 }, (_, i) => Array.from({ length: 5 }, (_own, j) => i - j));
    const svg = await svgOf(scorePanel(table));
    expect(svg).toContain('<image');
    expect(count(svg, />\^</g)).toBe(2);
  });

  it('balancePanel draws both curves and their sums', async () => {
    const sums = [{ ones: 2, logits: [0, 1, 2] }];
    const panel = balancePanel({ one: [0, 1, 2], bias: [0, -1, -4], sums });
    expect(panel.marks.filter(({ kind }) => kind === 'line')).toHaveLength(3);
    expect(await svgOf(panel)).toContain('the bias token');
  });

  it('statesPanel and slopesPanel draw what they are given', async () => {
    const states = [[0, 1], [1, 0], [2, 2]]; // prettier-ignore
    expect(await svgOf(statesPanel(states, [-1, 0, 0]))).toContain('outside');
    const panel = slopesPanel([{ foretold: 1.33, measured: 1.3 }]);
    expect(await svgOf(panel)).toContain('foretells');
  });
});
