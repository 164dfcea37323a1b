import { interleaved, report } from '@tfsci/tooling/bench';
import { calibrateNoise, PldAccountant, RdpAccountant } from '../src/index';

// What it takes to know the price of a training: equal steps composed and converted to epsilon at delta = 1e-5, with
// samplingRate 0.01 and noiseMultiplier 1.1, and the noise that a target needs.

const STEPS = [1, 1000, 100_000];
const rows = [];
for (const steps of STEPS) {
  const event = { samplingRate: 0.01, noiseMultiplier: 1.1, steps };
  const spent = (accountant: RdpAccountant | PldAccountant): void => {
    accountant.step(event);
    accountant.epsilon(1e-5);
  };
  const target = { epsilon: 3, delta: 1e-5, samplingRate: 0.01, steps };
  const times = await interleaved(
    {
      rdp: () => spent(new RdpAccountant()),
      pld: () => spent(new PldAccountant()),
      calibration: () => void calibrateNoise(target),
    },
    { rounds: 9, warmUp: 3 },
  );
  rows.push({ steps, 'RDP, ms': times.rdp, 'PLD, ms': times.pld, 'calibrateNoise, ms': times.calibration });
}
report('accountants', rows);
