export { psnr, ssim, type PsnrOptions, type SsimOptions } from './image';
export { maxError, nmse, nrmse, rmse, vrmse, type FieldErrorOptions } from './fields';
export { r2Score, regressionScores, type RegressionOptions, type RegressionScores } from './regression';
export { matchRanks, retrievalScores, type RetrievalScores } from './retrieval';
export {
  calibration,
  classificationScores,
  type Calibration,
  type ClassificationScores,
  type ReliabilityBin,
} from './classification';
