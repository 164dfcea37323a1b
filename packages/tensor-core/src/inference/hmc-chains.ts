import { argumentMessage } from '../check';
import { type Matrix64, matrix } from '../linalg';
import type { LogDensity } from './density';
import { type DualAveragingState, startDualAveraging, updateDualAveraging } from './dual-averaging';
import type { DrawSource } from './hmc-draws';
import type { CheckedHmcOptions } from './hmc-options';
import type { HmcChainState } from './hmc-state';
import { densityOfChain, type Walls } from './leapfrog';
import { type Metric, metricOf } from './metric';
import { covarianceOf, type RunningCovariance, startCovariance, withSample } from './running-covariance';
import { type Place, reasonableStep, type Transition, transition, type TransitionRules } from './transition';
import type { WarmUpStep } from './warm-up';

/** A chain in its run. */
export interface ChainRun {
  place: Place;
  metric: Metric;
  step: number;
  stepAdaptation: DualAveragingState;
  covariance: RunningCovariance;
}

/** What all chains of a run share. */
export interface HmcSetting {
  where: string;
  /** In the coordinates of the sampler. */
  logDensity: LogDensity;
  source: DrawSource;
  /** Normals for the search of steps; undefined where none may be searched for. */
  normalsOfSearch: DrawSource['normals'] | undefined;
  plan: (iteration: number) => WarmUpStep;
  checked: CheckedHmcOptions;
  walls: Walls | undefined;
}

/** The chains of a run, advanced together. */
export class HmcChains {
  readonly runs: ChainRun[] = [];
  private readonly rules: TransitionRules;

  constructor(private readonly setting: HmcSetting) {
    const { maxEnergyError, rejectOverflow } = setting.checked;
    this.rules = { walls: setting.walls, maxEnergyError, rejectOverflow };
  }

  /** Puts chain k at a point. @throws RangeError when the density is 0 or not a number there */
  add(position: Float64Array, metric: Metric, k: number): void {
    const { checked } = this.setting;
    const place = this.placeAt(position, k);
    const step = checked.steps?.[k] ?? this.searchedStep(place, metric, 1, 0, k);
    const stepAdaptation = startDualAveraging(step, checked.stepAdaptation);
    this.runs.push({ place, metric, step, stepAdaptation, covariance: startCovariance(position.length) });
  }

  /** Puts chain k where an earlier run left it. */
  restore(saved: HmcChainState, k: number): void {
    const { position, step, stepAdaptation, inverseMass, covariance } = saved;
    const n = position.length;
    const metric = metricOf(this.setting.where, matrix(n, n, inverseMass), n);
    this.runs.push({ place: this.placeAt(Float64Array.from(position), k), metric, step, stepAdaptation, covariance });
  }

  /** One iteration of all chains. */
  advance(iteration: number): Transition[] {
    const { source, plan, checked } = this.setting;
    const transitions = this.runs.map((run, k) => {
      const steps = source.steps(iteration, k);
      const normals = source.normals(iteration, k);
      const density = densityOfChain(this.setting.logDensity, k);
      const uniform = source.uniform(iteration, k);
      const { place, happened } = transition(
        density,
        run.metric,
        run.place,
        run.step,
        steps,
        normals,
        uniform,
        this.rules,
      );
      run.place = place;
      return happened;
    });
    if (iteration >= checked.warmUp) return transitions;
    const { collects, updates } = plan(iteration);
    this.runs.forEach((run, k) => {
      run.stepAdaptation = updateDualAveraging(run.stepAdaptation, transitions[k]!.acceptance, checked.stepAdaptation);
      run.step = Math.exp(run.stepAdaptation.logStep);
      if (collects) run.covariance = withSample(run.covariance, run.place.position);
    });
    if (updates) this.updateMetrics(iteration);
    if (iteration === checked.warmUp - 1) {
      for (const run of this.runs) run.step = Math.exp(run.stepAdaptation.logAverage);
    }
    return transitions;
  }

  toJSON(): HmcChainState[] {
    return this.runs.map(({ place, metric, step, stepAdaptation, covariance }) => ({
      position: Array.from(place.position),
      step,
      stepAdaptation,
      inverseMass: Array.from(metric.inverseMass.data),
      covariance,
    }));
  }

  private updateMetrics(iteration: number): void {
    const { mass, stepAdaptation } = this.setting.checked;
    const estimates = this.runs.map(({ covariance }) =>
      covarianceOf(covariance, mass.shrink, mass.shape === 'diagonal'),
    );
    const metrics = estimates.map((estimate) => metricOrNone(estimate));
    // A chain that stood still has learnt nothing of its own.
    const shared = metrics.includes(undefined) ? metricOrNone(meanOf(estimates)) : undefined;
    this.runs.forEach((run, k) => {
      run.metric = metrics[k] ?? shared ?? run.metric;
      run.covariance = startCovariance(run.place.position.length);
      if (!mass.restartStep) return;
      run.step = this.searchedStep(run.place, run.metric, run.step, iteration + 1, k);
      run.stepAdaptation = startDualAveraging(run.step, stepAdaptation);
    });
  }

  private searchedStep(place: Place, metric: Metric, first: number, iteration: number, k: number): number {
    const { normalsOfSearch, logDensity } = this.setting;
    if (!normalsOfSearch) return first;
    return reasonableStep(
      densityOfChain(logDensity, k),
      metric,
      place,
      first,
      normalsOfSearch(iteration, k),
      this.rules,
    );
  }

  private placeAt(position: Float64Array, k: number): Place {
    const { where, logDensity } = this.setting;
    const { value, gradient } = logDensity(position.slice(), k);
    if (!Number.isFinite(value)) {
      throw new RangeError(argumentMessage(where, `logDensity at initial[${k}]`, 'be finite', value));
    }
    const isGradient = gradient?.length === position.length && Array.from(gradient).every(Number.isFinite);
    if (!isGradient) {
      const wanted = `have a gradient of ${position.length} finite numbers`;
      throw new RangeError(argumentMessage(where, `logDensity at initial[${k}]`, wanted, gradient));
    }
    return { position, value, gradient: Float64Array.from(gradient) };
  }
}

function metricOrNone(inverseMass: Matrix64): Metric | undefined {
  try {
    return metricOf('', inverseMass, inverseMass.rows);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function meanOf(matrices: readonly Matrix64[]): Matrix64 {
  const { rows, cols, data } = matrices[0]!;
  const mean = data.map((_, at) => matrices.reduce((sum, each) => sum + each.data[at]!, 0) / matrices.length);
  return { rows, cols, data: mean };
}
