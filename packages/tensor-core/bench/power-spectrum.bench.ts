import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { interleaved, report, torchPeer, torchTime } from '@tfsci/tooling/bench';
import { jit, useBackend } from '../src/backend';
import { key } from '../src/random';
import {
  colourNoise,
  hostColourNoise,
  hostGaussianField,
  hostPowerSpectrum,
  powerSpectrum,
  radialBins,
} from '../src/spectral';

// Power spectra and coloured noise of 8 images, on the host in float64 and on the onnx backend, compiled, beside PyTorch
// in float32 (torch.fft, sums over shells by index_add); medians of interleaved runs. SIZES=16,32 takes other sizes.

const BATCH = 8;
const sizes = (process.env['SIZES'] ?? '64,128,256').split(',').map(Number);

const PEER = `
batch = int(args[0])
cases = {}
def make(kind, n):
    x = torch.sin(torch.arange(batch * n * n).float()).reshape(batch, n, n)
    root = torch.ones(n, n)
    f = torch.fft.fftfreq(n) * n
    shell = (f[:, None] ** 2 + f[None, :] ** 2).sqrt().round().long().flatten()
    counts = torch.bincount(shell).float()
    def spectrum(x):
        power = torch.fft.fft2(x).abs().square() / n**2
        return torch.zeros(batch, len(counts)).index_add(1, shell, power.flatten(1)) / counts
    leaf = x.clone().requires_grad_()
    return {
        'spectrum': lambda: spectrum(x),
        'gradient': lambda: torch.autograd.grad(spectrum(leaf).sum(), leaf),
        'noise': lambda: torch.fft.irfft2(torch.fft.rfft2(x) * root[:, : n // 2 + 1], s=(n, n)),
    }[kind]
def run(name):
    kind, n = name.split()
    if name not in cases:
        cases[name] = make(kind, int(n))
    cases[name]()
`;

await useBackend('onnx');
const peer = await torchPeer(PEER, [BATCH]);
const rows = [];
for (const n of sizes) {
  const bins = radialBins(n, n);
  const power = new Float64Array(n * n).fill(1);
  const fields = hostGaussianField(key(1), power, n, n, { count: BATCH });
  const x = tf.tensor(Float32Array.from(fields), [BATCH, n, n]);
  const compiled = (body: (x: tf.Tensor) => tf.Tensor) => {
    const program = jit(body);
    return () => {
      const result = program(x);
      result.dataSync();
      result.dispose();
    };
  };
  const cases: Record<string, { host?: () => void; onnx: () => void }> = {
    spectrum: {
      host: () => void hostPowerSpectrum(fields, bins),
      onnx: compiled((x) => powerSpectrum(x, bins).power),
    },
    gradient: { onnx: compiled(tf.grad((x: tf.Tensor) => powerSpectrum(x, bins).power.sum())) },
    noise: { host: () => void hostColourNoise(fields, power, n, n), onnx: compiled((x) => colourNoise(x, power)) },
  };
  for (const [kind, ours] of Object.entries(cases)) {
    const times = await interleaved<string>({ ...ours, ...peer?.candidates(`${kind} ${n}`) });
    rows.push({
      case: `${kind}, ${BATCH} x ${n} x ${n}`,
      'host, ms': times['host'] ?? '',
      'onnx, ms': times['onnx']!,
      'PyTorch, ms': torchTime(times),
      'onnx / PyTorch': times['onnx']! / torchTime(times),
    });
  }
  x.dispose();
}
peer?.end();
report('power-spectrum', rows);
