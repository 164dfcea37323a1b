import { random } from '@tfsci/tensor-core';
import { degreeProbabilities } from './distribution';
import type { MaclaurinPlan } from './plan';
import { PolynomialSketch } from '../sketches/polynomial-sketch';
import { unprefixed, type Weights } from '../weights';

/** The features of one degree. */
export interface Block {
  /** Before the names of its weights: that of degree 1 is called 0. */
  name: string;
  /** Of the kernel a_n (u.v)^n. */
  sketch: PolynomialSketch;
  /** How many of its features are taken: all, or all but the last. */
  columns: number;
}

/**
 * The features of a distribution over the degrees.
 *
 * @param from  what each is drawn with, folded in the degree; or given weights
 */
export function maclaurinBlocks(
  plan: MaclaurinPlan,
  distribution: readonly number[],
  inputDim: number,
  from: random.Key | Weights,
): Block[] {
  const { kernel, mode, projection, allocation, budget, randomColumns } = plan;
  const probabilities = allocation === 'kar-karnick' ? degreeProbabilities(budget) : null;
  const longest = distribution.indexOf(Math.max(...distribution));
  return distribution.flatMap((count, i) => {
    if (count === 0) return [];
    const name = `module.${i}.`;
    const degree = i + 1;
    const features = mode === 'ctr' ? 2 * count : count;
    const columns = mode === 'ctr' && i === longest ? features - (randomColumns % 2) : features;
    // Of random degrees the number of features has a mean, and its block this share of the term.
    const share = probabilities === null ? 1 : count / (budget.features * probabilities[i]!);
    const sketch = new PolynomialSketch({
      inputDim,
      features,
      degree,
      // As E w w^T = 0, every column by itself has the mean of all: the others make up for one that is left out.
      variance: (kernel.coefs[degree]! * share * features) / columns,
      mode,
      projection,
      srhtBlocks: 'independent',
      ...(from instanceof random.Key ? { key: random.foldIn(from, degree) } : { weights: unprefixed(from, name) }),
    });
    return [{ name, sketch, columns }];
  });
}
