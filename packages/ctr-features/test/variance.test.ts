import { loadGolden } from '@tfsci/tensor-core/testing';
import { describe, expect, it } from 'vitest';
import { sketchVariance, type SketchShape } from '../src/errors/variance';
import { momentsOf } from './pairs';

const golden = loadGolden(new URL('./golden/authors/variance_closed_form.safetensors', import.meta.url));

/** The authors' numbers are float32. */
const RELATIVE = 1e-5;
/** Where the variance is 0 the authors have what float64 leaves. */
const ZERO = 1e-12;

describe('sketchVariance', () => {
  const names = golden.names.filter((name) => name.startsWith('var.'));
  const { data, shape } = golden.get('x');
  const points = Array.from({ length: shape[0]! }, (_, i) => [...data.slice(i * shape[1]!, (i + 1) * shape[1]!)]);

  it.each(names)('%s', (name) => {
    const [, kind, mode, p, features] = /^var\.(\w+)\.(\w+)\.p(\d+)\.D(\d+)$/.exec(name)!;
    const blocks = kind === 'srht_indep' ? 'independent' : 'shared';
    const sketch: SketchShape = {
      projection: (kind!.startsWith('srht') ? 'srht' : kind) as 'srht',
      mode: mode as 'ctr',
      degree: Number(p),
      features: Number(features),
      inputDim: shape[1]!,
      srhtBlocks: blocks,
    };
    const ours = points.flatMap((x) => points.map((y) => sketchVariance(momentsOf(x, y), sketch)));
    expect(ours).toBeAllclose(golden.get(name).data, { rtol: RELATIVE, atol: ZERO });
  });
});
