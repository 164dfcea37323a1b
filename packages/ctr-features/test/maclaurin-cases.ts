import { readdirSync } from 'node:fs';
import { loadGolden, type Golden } from '@tfsci/tensor-core/testing';
import type { MaclaurinFeaturesOptions } from '../src/maclaurin/plan';
import type { Weights } from '../src/weights';

const FOLDER = new URL('./golden/authors/', import.meta.url);

/** The authors' Maclaurin features, by the names of their files. */
export const maclaurinFiles = readdirSync(FOLDER).filter((file) => file.startsWith('maclaurin_'));

export interface MaclaurinCase {
  file: Golden;
  x: Float32Array;
  options: MaclaurinFeaturesOptions;
}

/** What a golden file says, for a map of given weights. */
export function maclaurinCase(name: string): MaclaurinCase {
  const file = loadGolden(new URL(name, FOLDER));
  const [, kernel, projection, mode] = /_(gaussian|poly)_(\w+)_(real|complex)_/.exec(name)!;
  const maxDegree = Number(file.metadata['max_degree']);
  const x = Float32Array.from(file.get('x').data);
  const ofPolynomial = { kernel: 'polynomial', degree: maxDegree, coef0: Number(file.metadata['coef0']) } as const;
  const options: MaclaurinFeaturesOptions = {
    ...(kernel === 'poly' ? ofPolynomial : { kernel: 'gaussian' }),
    inputDim: file.get('x').shape[1]!,
    features: Number(file.metadata['D']),
    lengthscale: file.get('lengthscale').data[0]!,
    projection: projection as 'srht',
    mode: mode as 'real',
    maxDegree,
    distribution: [...file.get('distribution').data],
    weights: weightsOf(file),
  };
  return { file, x, options };
}

function weightsOf(file: Golden): Weights {
  const names = file.names.filter((name) => /^module\.\d\.(w|rad|perm)/.test(name));
  return Object.fromEntries(
    names.map((name) => {
      const { data, shape } = file.get(name);
      return [name, { dtype: 'F32', shape, data: Float32Array.from(data) }];
    }),
  );
}
