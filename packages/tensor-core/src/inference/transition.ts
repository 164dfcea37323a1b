import { type DensityAt, isInside } from './density';
import { leapfrog, type PhasePoint, type Walls } from './leapfrog';
import { kineticEnergy, type Metric } from './metric';

type Density = (q: Float64Array) => DensityAt;

/** A place of the chain, with the density there. */
export type Place = Omit<PhasePoint, 'momentum'>;

/** What happened in one iteration of one chain. */
export interface Transition {
  energy: number;
  proposalEnergy: number;
  /** min(1, exp(H0 - H1)); 0 when it is not a number. */
  acceptance: number;
  accepted: boolean;
  diverged: boolean;
  step: number;
  steps: number;
}

/** What a transition needs to know of its sampler. */
export interface TransitionRules {
  walls: Walls | undefined;
  maxEnergyError: number;
  rejectOverflow: boolean;
}

/**
 * A trajectory from `place` with momentum M^(1/2) normals and the Metropolis test of its end.
 *
 * @returns the place after it, and what happened
 */
export function transition(
  density: Density,
  metric: Metric,
  place: Place,
  step: number,
  steps: number,
  normals: Float64Array,
  uniform: number,
  { walls, maxEnergyError, rejectOverflow }: TransitionRules,
): { place: Place; happened: Transition } {
  const momentum = metric.momentum(normals);
  const energy = kineticEnergy(metric, momentum) - place.value;
  const end = leapfrog(density, metric, { ...place, momentum }, step, steps, walls);
  const kinetic = kineticEnergy(metric, end.momentum);
  const proposalEnergy = isInside(end.position, walls?.bounds) ? kinetic - end.value : Infinity;
  const ratio = Math.exp(energy - proposalEnergy);
  const moved = end.position.some((coordinate, i) => coordinate !== place.position[i]);
  const possible = moved && ratio > 0 && !(rejectOverflow && ratio === Infinity);
  const accepted = possible && uniform <= ratio;
  // Where the density is 0 the proposal is refused, but the integrator may be sound: its momentum tells.
  const error = (proposalEnergy === Infinity ? kinetic : proposalEnergy) - energy;
  return {
    place: accepted ? { position: end.position, value: end.value, gradient: end.gradient } : place,
    happened: {
      energy,
      proposalEnergy,
      acceptance: Number.isNaN(ratio) ? 0 : Math.min(1, ratio),
      accepted,
      diverged: !(error <= maxEnergyError),
      step,
      steps,
    },
  };
}

/**
 * A step size from which to learn: doubled or halved from `first` until the acceptance of a single step crosses 1/2.
 *
 * @see Hoffman & Gelman, 2014, algorithm 4, arXiv:1111.4246
 */
export function reasonableStep(
  density: Density,
  metric: Metric,
  place: Place,
  first: number,
  normals: Float64Array,
  rules: TransitionRules,
): number {
  const isTooShort = (step: number): boolean =>
    transition(density, metric, place, step, 1, normals, 1, rules).happened.acceptance > 0.5;
  const grows = isTooShort(first);
  let step = first;
  for (let trial = 0; trial < 50 && isTooShort(step) === grows; trial++) step *= grows ? 2 : 0.5;
  return step;
}
