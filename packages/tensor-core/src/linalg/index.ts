export { columnOf, identityMatrix, matrix, matrixFromRows, multiply, rowOf, transposed, type Matrix64 } from './matrix';
export {
  cholesky,
  choleskyLogDet,
  choleskySolve,
  solveTriangular,
  type CholeskyOptions,
  type TriangularOptions,
} from './cholesky';
export {
  eigenSymmetric,
  logDet,
  pseudoInverse,
  qr,
  solve,
  svd,
  symmetricFunction,
  type LogDeterminant,
  type SingularValues,
  type SymmetricEigen,
} from './decompositions';
export { covariance, logSumExp, meanOfRows } from './moments';
export { erf, erfc, erfcx, logErfc } from './error-function';
export { binomialCdf, binomialQuantile, digamma, incompleteBeta, incompleteGamma, logGamma } from './gamma-function';
export { logNormalCdf, normalCdf, normalQuantile } from './normal-distribution';
export { sphereQuadrature, type Quadrature } from './quadrature';
