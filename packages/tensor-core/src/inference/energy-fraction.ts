import { argumentMessage, ShapeError } from '../check';

/**
 * The energy fraction of missing information of one chain,
 *
 *   E-BFMI = sum_n (E_n - E_(n-1))^2 / sum_n (E_n - mean E)^2,
 *
 * with the energies of an HMC run. Small values, below 0.3, tell that the momenta change the energy too little in an
 * iteration to explore the tails; NaN when the energies are all equal.
 *
 * @throws ShapeError for fewer than 2 energies
 * @see Betancourt, 2016, "Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo", arXiv:1604.00695
 */
export function energyFraction(energies: ArrayLike<number>): number {
  const n = energies.length;
  if (n < 2) throw new ShapeError(argumentMessage('tensor-core.energyFraction', 'energies', 'hold at least 2', n));
  let mean = 0;
  for (let i = 0; i < n; i++) mean += energies[i]! / n;
  let changes = 0;
  let spread = 0;
  for (let i = 0; i < n; i++) {
    if (i > 0) changes += (energies[i]! - energies[i - 1]!) ** 2;
    spread += (energies[i]! - mean) ** 2;
  }
  return changes / spread;
}
