export { hmc, hmcAsync, type HmcResult } from './hmc';
export {
  gibbsDiffusionHmc,
  type HmcConventions,
  type HmcOptions,
  type HmcProgress,
  type MassAdaptationOptions,
} from './hmc-options';
export type { HmcChainState, HmcState } from './hmc-state';
export type { HmcTrace } from './hmc-trace';
export type { HmcDraws } from './hmc-draws';
export { leapfrog, type PhasePoint, type WallRule, type Walls } from './leapfrog';
export { denseMetric, diagonalMetric, kineticEnergy, type Metric } from './metric';
export {
  startDualAveraging,
  updateDualAveraging,
  type DualAveragingOptions,
  type DualAveragingState,
} from './dual-averaging';
export type { RunningCovariance } from './running-covariance';
export { boxTransform, type BoxTransform, type Stretch } from './box-transform';
export type { MassSchedule } from './warm-up';
export type { DensityAt, Interval, LogDensity } from './density';
export type { RunOptions } from './run';
export { sliceSample, sliceSampleAsync, type SliceOptions, type SliceProgress, type SliceResult } from './slice-sample';
export {
  gridPosterior,
  type GridOptions,
  type GridPosterior,
  type GridRule,
  type GridSampleOptions,
} from './grid-posterior';
export { chainsOf, quantile, type Chains } from './chains';
export { rHat, splitRHat } from './r-hat';
export { autocorrelation, essBulk, essMean, essQuantile, essTail, mcse, mcseQuantile } from './effective-size';
export { energyFraction } from './energy-fraction';
export { formatSummary, hdi, summary, type SummaryOptions, type SummaryRow } from './summary';
export { sbc, sbcRanks, type SbcOptions, type SbcProgress, type SbcResult, type SbcState } from './calibration';
export { ecdf, ecdfBand, uniformHistogram, type EcdfBand, type UniformHistogram } from './rank-statistics';
export {
  coverage,
  randomPointCoverage,
  type CoverageCurve,
  type CoverageOptions,
  type RandomPointOptions,
} from './coverage';
export {
  contourLevels,
  cornerData,
  type Corner,
  type CornerOptions,
  type Density1D,
  type Density2D,
} from './corner-data';
export { traceData, type Trace } from './trace-data';
