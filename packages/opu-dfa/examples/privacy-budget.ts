import { tmpdir } from 'node:os';
import path from 'node:path';
import { rmSync } from 'node:fs';
import { optim, random, useBackend } from '@tfsci/tensor-core';
import {
  calibrateNoise,
  denseNetwork,
  evaluateNetwork,
  PldAccountant,
  PrivacyBudget,
  PrivateTrainer,
} from '@tfsci/opu-dfa';
import { fileBudgetStore } from '@tfsci/opu-dfa/node';

// One budget for a data set, kept in a file: a network is trained with it until it is spent, and after a "restart" nothing is
// left. Run: pnpm examples

await useBackend('auto');
const points = 4000;
const x = random.normal(random.key(1), [points, 2]);
// Three rings around the origin.
const y = x.square().sum(1).div(1.2).floor().clipByValue(0, 2).toInt();

const file = path.join(tmpdir(), `example-${process.pid}.budget`);
const [delta, samplingRate, steps] = [1e-5, 0.05, 400];
const noiseMultiplier = calibrateNoise({ epsilon: 2, delta, samplingRate, steps });
console.log(`noise multiplier for epsilon = 2: ${noiseMultiplier.toFixed(3)}`);

for (const run of ['first', 'after a restart']) {
  const budget = await PrivacyBudget.open(fileBudgetStore(file), {
    epsilon: 2,
    delta,
    accountant: new PldAccountant(),
  });
  const network = denseNetwork({ inputs: 2, hidden: [32, 32], outputs: 3, key: 0 });
  const trainer = new PrivateTrainer({
    network,
    optimizer: new optim.Sgd({ learningRate: 0.5, momentum: 0.9 }),
    budget,
    clip: 1,
    noiseMultiplier,
    samplingRate,
  });
  const { status, steps: taken, privacy } = await trainer.fit({ x, y, steps: 1000 });
  const { accuracy } = await evaluateNetwork(network, { x, y });
  console.log(
    `${run}: ${status} after ${taken} steps, epsilon ${privacy.epsilon.toFixed(3)}, accuracy ${accuracy!.toFixed(2)}`,
  );
  network.dispose();
}
rmSync(file, { force: true });
