import * as tf from '@tensorflow/tfjs';
import { slicedWasserstein, slicedWassersteinFlow } from '@tfsci/sliced-wasserstein';
import { random } from '@tfsci/tensor-core';

/** Particles that flow to a target in the plane. */
export interface Flow {
  target: string;
  /** Coordinates of the target, x and y by turns. */
  points: number[];
  frames: Frame[];
}

export interface Frame {
  step: number;
  /** As `points`. */
  particles: number[];
  /** SW_2 to the target. */
  distance: number;
}

export interface FlowOptions {
  points: number;
  slices: number;
  /** Steps at which particles are kept, ascending from 0. */
  frames: number[];
  key: random.Key;
  signal: AbortSignal;
}

/** Shapes of points, as functions of a uniform number in [0, 1) and a small disturbance. */
export const TARGETS: Record<string, (share: number, noise: () => number) => [number, number]> = {
  'two rings': (share, noise) => {
    const [radius, angle] = [share < 1 / 3 ? 0.5 : 1, 6 * Math.PI * share];
    return [radius * Math.cos(angle) + noise(), radius * Math.sin(angle) + noise()];
  },
  spirals: (share, noise) => {
    const arm = share < 0.5 ? 1 : -1;
    const turn = Math.sqrt((2 * share) % 1) * 3 * Math.PI;
    const radius = arm * (turn / (3 * Math.PI));
    return [radius * Math.cos(turn) + noise(), radius * Math.sin(turn) + noise()];
  },
};
const NOISE = 0.02;

/** Particles of a small Gaussian cloud beside the target go where SW_2^2 falls. */
export async function flowTo(target: string, options: FlowOptions): Promise<Flow> {
  const { points, slices, frames, key, signal } = options;
  const [ofTarget, ofNoise, ofStart, ofFlow, ofDistance] = random.split(key, 5) as [random.Key, ...random.Key[]];
  const shares = random.fillUniform(ofTarget, new Float64Array(points));
  const noise = random.fillNormal(ofNoise!, new Float64Array(2 * points)).values();
  const shape = Array.from(shares, (share) => TARGETS[target]!(share, () => NOISE * noise.next().value!));
  const start = tf.tidy(() => random.normal(ofStart!, [points, 2]).mul(0.15).add<tf.Tensor2D>(0.6));
  const end = tf.tensor2d(shape);
  const kept: Frame[] = [];
  let particles = start;
  try {
    for (const [i, step] of frames.entries()) {
      if (i > 0) {
        const before = frames[i - 1]!;
        const flow = await slicedWassersteinFlow(particles, end, {
          steps: step - before,
          firstStep: before,
          slices,
          sampler: 'qmc',
          key: ofFlow!,
          signal,
        });
        particles.dispose();
        particles = flow.particles;
      }
      const distance = slicedWasserstein(particles, end, { slices: 256, sampler: 'qmc', key: ofDistance! });
      kept.push({ step, particles: Array.from(await particles.data()), distance: (await distance.data())[0]! });
      distance.dispose();
    }
  } finally {
    tf.dispose([particles, end]);
  }
  return { target, points: shape.flat(), frames: kept };
}
