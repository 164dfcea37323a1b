import { readIdxFile } from '@tfsci/tensor-core/node';
import { optim, useBackend } from '@tfsci/tensor-core';
import {
  denseNetwork,
  evaluateNetwork,
  linearNoise,
  OpuSimulator,
  simulatedFeedback,
  trainNetwork,
} from '@tfsci/opu-dfa';

// Handwritten digits, learned through a scattering medium: errors in three values are shown on mirrors, a camera with shot noise
// and 8 bits looks at the speckle with a reference wave, and what it sees trains the hidden layers. How bright must the
// laser be? Run: pnpm examples

await useBackend('auto');
const folder = new URL('../../../apps/reproduce/data/', `file://${process.cwd()}/examples/`);
const images = await readIdxFile(new URL('digits-images-idx3-ubyte.gz', folder));
const labels = await readIdxFile(new URL('digits-labels-idx1-ubyte.gz', folder));
const part = (from: number, to: number) => ({
  x: {
    data: Float32Array.from(images.data.subarray(64 * from, 64 * to), (grey) => Number(grey) / 16),
    shape: [to - from, 64],
  },
  y: { data: Int32Array.from(labels.data.subarray(from, to), Number), shape: [to - from] },
});
const [train, test] = [part(0, 1437), part(1437, 1797)];

const hidden = [128, 128];
for (const counts of [null, 200, 20, 2]) {
  // The reference, of amplitude 4, gives most of the light: its counts a pixel are 16 times the gain.
  const gain = (counts ?? 1) / 16;
  const camera = counts === null ? {} : { gain, shotNoise: true, bits: 8 as const };
  const opu = new OpuSimulator({ inputs: 10, outputs: 256, key: 1, referenceAmplitude: 4, ...camera });
  const network = denseNetwork({ inputs: 64, hidden, outputs: 10, feedback: simulatedFeedback(opu), key: 0 });
  const optimizer = new optim.Sgd({ learningRate: 0.02, momentum: 0.9 });
  const update = { mode: 'ternary' } as const;
  await trainNetwork(network, { ...train, optimizer, update, batchSize: 64, epochs: 20, key: 2 });
  const { accuracy } = await evaluateNetwork(network, test);
  const { sigma } = linearNoise({ referenceAmplitude: 4, intensity: 0.4, ...camera });
  const light = counts === null ? 'ideal camera' : `${counts} counts a pixel`;
  console.log(`${light}: noise of the projection ${sigma.toFixed(3)}, accuracy ${accuracy!.toFixed(3)}`);
  network.dispose();
  opu.dispose();
  optimizer.dispose();
}
