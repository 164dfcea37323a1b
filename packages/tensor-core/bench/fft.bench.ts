import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { interleaved, report, torchPeer, torchTime } from '@tfsci/tooling/bench';
import { jit, useBackend } from '../src/backend';
import { fft, fft2, fftPlan, fftPlan2, irfft2, rfft2, walshHadamard } from '../src/spectral';

// Transforms on the onnx backend, compiled, beside torch.fft: forward and with gradient, medians of interleaved runs.
// SIZES=16,32 takes other sizes; PyTorch is left out where there is none.

const sizes = (process.env['SIZES'] ?? '64,128,256,512').split(',').map(Number);
const BATCH = 8;

const PEER = `
batch = int(args[0])
cases = {}
def run(name):
    kind, n = name.split()
    n = int(n)
    if name not in cases:
        x = torch.sin(torch.arange(batch * n * n).float()).reshape(batch, n, n)
        line = x.reshape(-1, n)
        def gradient(x=x.clone().requires_grad_()):
            (g,) = torch.autograd.grad(torch.fft.rfft2(x).abs().square().sum(), x)
            return g
        cases[name] = {
            'fft2': lambda: torch.fft.fft2(torch.complex(x, x)),
            'rfft2': lambda: torch.fft.rfft2(x),
            'filter': lambda: torch.fft.irfft2(torch.fft.rfft2(x) * 0.5, s=(n, n)),
            'gradient': gradient,
            'fft': lambda: torch.fft.fft(torch.complex(line, line)),
        }[kind]
    cases[name]()
`;

/** A run of a compiled function, its results read. */
const compiled = (body: (x: tf.Tensor) => tf.Tensor | tf.Tensor[], x: tf.Tensor) => {
  const program = jit(body);
  return () => {
    const results = [program(x)].flat();
    results.forEach((result) => result.dataSync());
    tf.dispose(results);
  };
};

await useBackend('onnx');
const peer = await torchPeer(PEER, [BATCH]);
const rows = [];
for (const n of sizes) {
  const x = tf.tidy(() => tf.sin(tf.range(0, BATCH * n * n)).reshape([BATCH, n, n]));
  const parts = ({ re, im }: { re: tf.Tensor; im: tf.Tensor }): tf.Tensor[] => [re, im];
  const energy = (x: tf.Tensor): tf.Scalar => {
    const { re, im } = rfft2(x);
    return re.square().add(im.square()).sum();
  };
  const cases: Record<string, () => void> = {
    fft2: compiled((x) => parts(fft2({ re: x, im: x })), x),
    rfft2: compiled((x) => parts(rfft2(x)), x),
    filter: compiled((x) => {
      const { re, im } = rfft2(x);
      return irfft2({ re: re.mul(0.5), im: im.mul(0.5) }, { n });
    }, x),
    gradient: compiled((x) => tf.grad(energy)(x), x),
    fft: compiled((x) => parts(fft({ re: x, im: x })), x),
  };
  for (const [kind, ours] of Object.entries(cases)) {
    const times = await interleaved<string>({ ours, ...peer?.candidates(`${kind} ${n}`) });
    const [milliseconds, torch] = [times['ours']!, torchTime(times)];
    rows.push({
      case: `${kind}, ${BATCH} x ${n} x ${n}`,
      'ours, ms': milliseconds,
      'torch.fft, ms': torch,
      ratio: milliseconds / torch,
    });
  }
  x.dispose();
}
peer?.end();

// What has no peer here: the host's transforms and the Walsh-Hadamard transform.
for (const n of sizes) {
  const [re, im] = [new Float64Array(n * n).map((_, i) => Math.sin(i)), new Float64Array(n * n)];
  const x = tf.tidy(() => tf.sin(tf.range(0, 1024 * n)).reshape([n, 1024]));
  const { plan2, line, hadamard } = await interleaved({
    plan2: () => {
      fftPlan2(n, n).forward(re, im);
      fftPlan2(n, n).inverse(re, im);
    },
    line: () => {
      fftPlan(n * n).forward(re, im);
      fftPlan(n * n).inverse(re, im);
    },
    hadamard: compiled((x) => walshHadamard(x), x),
  });
  rows.push(
    { case: `host, ${n} x ${n}, there and back`, 'ours, ms': plan2 },
    { case: `host, line of ${n * n}, there and back`, 'ours, ms': line },
  );
  rows.push({ case: `Walsh-Hadamard, ${n} x 1024`, 'ours, ms': hadamard });
  x.dispose();
}
report('fft', rows);
