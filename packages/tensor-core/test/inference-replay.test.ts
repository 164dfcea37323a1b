import { describe, expect, it } from 'vitest';
import {
  denseMetric,
  diagonalMetric,
  gibbsDiffusionHmc,
  hmc,
  kineticEnergy,
  leapfrog,
  type Metric,
  startDualAveraging,
  updateDualAveraging,
  type Walls,
} from '../src/inference';
import { covariance, matrix, type Matrix64 } from '../src/linalg';
import { loadGolden } from '../src/testing';
import { colouredNoiseTarget } from './inference-targets';

// Three chains, each with a target of its own, of two parameters.
const golden = loadGolden(new URL('golden/inference/hmc.safetensors', import.meta.url));
const CHAINS = [0, 1, 2];
const bounds = golden.get('sigma_bounds').data as unknown as [number, number];
const noise = golden.get('eps').data;
const targets = CHAINS.map((k) => colouredNoiseTarget(noise.subarray(256 * k, 256 * (k + 1)), [bounds[0], bounds[1]]));
const box = [
  [0, 1],
  [bounds[0], bounds[1]],
] as const;
const collision: Walls = { bounds: box, rule: 'collision' };

/** Entry [..., chain, :] of an array whose last axis has `width` numbers. */
const entry = (name: string, chain: number, iteration = 0, width = 2): Float64Array => {
  const at = (iteration * 3 + chain) * width;
  return golden.get(name).data.slice(at, at + width);
};
const inverseMass = (name: string, chain: number): Matrix64 => matrix(2, 2, entry(name, chain, 0, 4));

/** Both sides compute in float64, the spectra in another order: 1e-14 relative, which eight steps magnify a little. */
const TRAJECTORY = { rtol: 1e-9, atol: 1e-11 };
/** A single sum of logarithms. */
const RECURSION = { rtol: 1e-12, atol: 0 };
/** Energies near -220. */
const ENERGY = { rtol: 1e-11, atol: 1e-9 };

describe.each([
  {
    name: 'plain',
    metric: () => diagonalMetric([1, 1]),
    walls: undefined,
    start: 'q0',
    momentum: 'lf.p0',
    step: 'lf.step',
  },
  {
    name: 'mass',
    metric: (k: number) => denseMetric(inverseMass('lf.mass.inv_mass', k)),
    walls: undefined,
    start: 'q0',
    momentum: 'lf.mass.p0',
    step: 'lf.mass.step',
  },
  {
    name: 'coll',
    metric: (k: number) => denseMetric(inverseMass('lf.mass.inv_mass', k)),
    walls: collision,
    start: 'lf.coll.q0',
    momentum: 'lf.coll.p0',
    step: 'lf.coll.step',
  },
])('leapfrog, case $name', ({ name, metric, walls, start, momentum, step }) => {
  const trajectory = (k: number, steps: number) => {
    const position = entry(start, k);
    const from = { position, momentum: entry(momentum, k), ...targets[k]!(position) };
    return { from, end: leapfrog(targets[k]!, metric(k), from, entry(step, k, 0, 1)[0]!, steps, walls) };
  };

  it('equals the public code after 1 to 8 steps', () => {
    for (const k of CHAINS) {
      for (let steps = 1; steps <= 8; steps++) {
        const { end } = trajectory(k, steps);
        expect(end.position).toBeAllclose(entry(`lf.${name}.q`, k, steps - 1), TRAJECTORY);
        expect(end.momentum).toBeAllclose(entry(`lf.${name}.p`, k, steps - 1), TRAJECTORY);
      }
    }
  });

  // Of the collision case the file has no energies.
  if (name === 'coll') return;
  it('has its energies', () => {
    for (const k of CHAINS) {
      const { from, end } = trajectory(k, 8);
      const energy = ({ value, momentum: p }: typeof end): number => kineticEnergy(metric(k), p) - value;
      expect(energy(from)).toBeAllclose(entry(`lf.${name}.H0`, k, 0, 1)[0]!, ENERGY);
      expect(energy(end)).toBeAllclose(entry(`lf.${name}.H1`, k, 0, 1)[0]!, ENERGY);
    }
  });
});

describe('momenta', () => {
  it('are M^(1/2) xi with the symmetric root', () => {
    for (const k of CHAINS) {
      const metric: Metric = denseMetric(inverseMass('lf.mass.inv_mass', k));
      const root = [metric.momentum(Float64Array.of(1, 0)), metric.momentum(Float64Array.of(0, 1))];
      expect(root.flatMap((row) => Array.from(row))).toBeAllclose(entry('lf.mass.sqrt_mass', k, 0, 4), {
        rtol: 1e-10,
        atol: 1e-10,
      });
    }
  });
});

describe('dual averaging, form "sum"', () => {
  it('equals the public code, acceptances above 1 and NaN included', () => {
    const accept = golden.get('da.accept_in').data;
    expect(accept.some(Number.isNaN) && accept.some((a) => a > 1)).toBe(true);
    for (const k of CHAINS) {
      let state = startDualAveraging(1e-6, gibbsDiffusionHmc.stepAdaptation);
      for (let i = 0; i < 60; i++) {
        state = updateDualAveraging(state, accept[3 * i + k]!, gibbsDiffusionHmc.stepAdaptation);
        expect(Math.exp(state.logStep)).toBeAllclose(entry('da.step', k, i, 1)[0]!, RECURSION);
        expect(Math.exp(state.logAverage)).toBeAllclose(entry('da.avg_step', k, i, 1)[0]!, RECURSION);
      }
    }
  });
});

describe('a run of the public code', () => {
  const ITERATIONS = 70;
  const ADAPTS = 60;
  const draws = {
    momenta: Array.from({ length: ITERATIONS }, (_, i) => CHAINS.map((k) => entry('replay.momenta', k, i))),
    lengths: golden.get('replay.nleap').data,
    uniforms: Array.from({ length: ITERATIONS }, (_, i) => CHAINS.map((k) => entry('replay.uniforms', k, i, 1)[0]!)),
  };
  const logDensity = (q: Float64Array, chain: number) => targets[chain]!(q);
  const settings = { ...gibbsDiffusionHmc, logDensity, bounds: box };
  const positions = (name: string, i: number): Float64Array[] => CHAINS.map((k) => entry(`replay.${name}`, k, i));
  const scalars = (name: string, i: number): number[] => CHAINS.map((k) => entry(`replay.${name}`, k, i, 1)[0]!);

  it.each(Array.from({ length: ITERATIONS }, (_, i) => i))('is followed in iteration %i', (i) => {
    const result = hmc({
      ...settings,
      initial: positions('trace_q_in', i),
      initialStep: scalars('trace_step', i),
      ...(i > 45 && { inverseMass: CHAINS.map((k) => inverseMass('replay.inv_mass', k)) }),
      warmUp: 0,
      keep: 1,
      draws: { momenta: [draws.momenta[i]!], lengths: [draws.lengths[i]!], uniforms: [draws.uniforms[i]!] },
    });
    result.traces.forEach((trace, k) => {
      const [before, after] = entry('replay.trace_H', k, i) as unknown as [number, number];
      expect(trace.energy[0]).toBeAllclose(before, ENERGY);
      expect(trace.accepted[0]).toBe(entry('replay.trace_accept', k, i, 1)[0]);
      expect(trace.draws.data).toBeAllclose(entry('replay.trace_q_out', k, i), TRAJECTORY);
      // A trajectory with a step far too long is chaotic: it magnifies rounding, and is rejected.
      if (after < -100) expect(trace.proposalEnergy[0]).toBeAllclose(after, { rtol: 1e-9 });
    });
  });

  it('is followed freely at first, until trajectories with steps far too long have magnified the rounding', () => {
    const result = hmc({
      ...settings,
      initial: positions('trace_q_in', 0),
      initialStep: 1e-4,
      warmUp: ADAPTS,
      burnIn: 4,
      keep: 6,
      draws,
      saveWarmUp: true,
    });
    for (let i = 0; i < 15; i++) {
      for (const k of CHAINS) {
        const { draws: before, step } = result.warmUpTraces[k]!;
        expect(before.data.subarray(2 * i, 2 * i + 2)).toBeAllclose(entry('replay.trace_q_out', k, i), { rtol: 1e-6 });
        expect(step[i]).toBeAllclose(scalars('trace_step', i)[k]!, { rtol: 1e-6 });
      }
    }
  });

  it('has the same step sizes, learnt from its energies', () => {
    for (const k of CHAINS) {
      let state = startDualAveraging(1e-4, gibbsDiffusionHmc.stepAdaptation);
      for (let i = 0; i < ADAPTS; i++) {
        expect(Math.exp(state.logStep)).toBeAllclose(scalars('trace_step', i)[k]!, { rtol: 1e-9 });
        const [before, after] = entry('replay.trace_H', k, i) as unknown as [number, number];
        state = updateDualAveraging(state, Math.exp(before - after), gibbsDiffusionHmc.stepAdaptation);
      }
      expect(Math.exp(state.logAverage)).toBeAllclose(scalars('step_size', 0)[k]!, { rtol: 1e-9 });
      expect(scalars('trace_step', ADAPTS)[k]).toBe(scalars('step_size', 0)[k]);
    }
  });

  it('has the same mass matrix: the covariance of the positions after iterations 15 to 45', () => {
    for (const k of CHAINS) {
      const rows = Array.from({ length: 31 }, (_, n) => Array.from(entry('replay.trace_q_out', k, 15 + n)));
      const found = covariance(matrix(31, 2, rows.flat()));
      expect(found.data).toBeAllclose(inverseMass('replay.inv_mass', k).data, { rtol: 1e-11, atol: 0 });
    }
  });

  it('is the covariance of the same iterations in a free run', () => {
    const result = hmc({
      ...settings,
      initial: positions('trace_q_in', 0),
      initialStep: 1e-4,
      warmUp: ADAPTS,
      keep: 1,
      draws,
      saveWarmUp: true,
    });
    result.warmUpTraces.forEach(({ draws: before }, k) => {
      const collected = matrix(31, 2, before.data.subarray(30, 92));
      expect(result.inverseMass[k]!.data).toBeAllclose(covariance(collected).data, { rtol: 1e-10, atol: 0 });
    });
  });
});
