// N points, F features of a projection
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { pairProduct, pairScale, type Pair } from './pair';
import { ProjectedSketch, type ProjectedSketchOptions, type ProjectionPlan } from './projected-sketch';
import type { Projection } from './projection';

/** How the products of a hierarchical sketch are ordered: in a binary tree, or one after the other. */
export const HIERARCHIES = ['tree', 'sequential'] as const;
/** Products in a binary tree, or one after the other. */
export type Hierarchy = (typeof HIERARCHIES)[number];

/** Options of `HierarchicalSketch`. */
export interface HierarchicalSketchOptions extends ProjectedSketchOptions {
  /** Default 'tree'. */
  hierarchy?: Hierarchy;
}

/**
 * A sketch that projects after each product of two, so that its error grows only polynomially in the degree.
 *
 *   tree        b_i = W_i x, ones up to 2^m vectors; pairs become Q_r (b_2j * b_2j+1) / sqrt(D_f) until one is left
 *   sequential  a_1 = W_1 x,  a_i = Q_{i-1} (a_{i-1} * b_i) / sqrt(D_f)
 *
 * and the last vector is divided by sqrt(D_f). The cost of a point is that of the product sketch and of up to 2p projections
 * from D_f to D_f.
 *
 * @throws as `PolynomialSketch`
 * @see Ahle et al., 2020, "Oblivious sketching of high-degree polynomial kernels", arXiv:1909.01410
 */
export class HierarchicalSketch extends ProjectedSketch {
  readonly hierarchy: Hierarchy;
  private readonly base: readonly Projection[];
  private readonly nodes: readonly Projection[];

  constructor(options: HierarchicalSketchOptions) {
    const hierarchy = check.checkOneOf(
      'ctr-features.HierarchicalSketch',
      'hierarchy',
      options.hierarchy ?? 'tree',
      HIERARCHIES,
    );
    super('HierarchicalSketch', options, planOf(hierarchy));
    this.hierarchy = hierarchy;
    const { degree } = this.kernelOptions;
    this.base = this.projections.slice(0, degree);
    this.nodes = this.projections.slice(degree);
  }

  protected sketch(z_ND: tf.Tensor2D): Pair {
    const scale = 1 / Math.sqrt(this.projectedFeatures);
    const leaves = this.base.map((projection) => projection.project({ re: z_ND, im: null }));
    const node = (index: number, a: Pair, b: Pair): Pair =>
      pairScale(this.nodes[index]!.project(pairProduct(a, b)), scale);
    if (this.hierarchy === 'sequential') {
      return pairScale(
        leaves.reduce((product, leaf, i) => node(i - 1, product, leaf)),
        scale,
      );
    }
    let level = leaves;
    while (level.length < leavesOf(this.base.length)) level.push({ re: tf.onesLike(leaves[0]!.re), im: null });
    for (let next = 0; level.length > 1;) {
      level = Array.from({ length: level.length / 2 }, (_, j) => node(next++, level[2 * j]!, level[2 * j + 1]!));
    }
    return pairScale(level[0]!, scale);
  }
}

function planOf(hierarchy: Hierarchy): ProjectionPlan {
  return (shape, degree) => {
    const nodes = (hierarchy === 'tree' ? leavesOf(degree) : degree) - 1;
    const inner = { ...shape, inputDim: shape.features };
    return [
      ...Array.from({ length: degree }, (_, index) => ({ shape, prefix: 'base.', index })),
      ...Array.from({ length: nodes }, (_, index) => ({ shape: inner, prefix: 'node.', index })),
    ];
  };
}

/** 2^m, the leaves of a tree for p factors. */
function leavesOf(degree: number): number {
  return 2 ** Math.ceil(Math.log2(degree));
}
