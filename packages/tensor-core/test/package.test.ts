import { packageBattery } from '@tfsci/tooling';

packageBattery({
  dir: new URL('..', import.meta.url),
  bytes: {
    '.': 350_000,
    './hdf5': 20_000,
    './node': 130_000,
    './parquet': 20_000,
    './plot': 14_000,
    './testing': 20_000,
  },
  // Who needs random numbers alone pays for them alone: 5.3 kB of them are the kernel in WebAssembly.
  shaken: { random: 21_500, metrics: 10_000, linalg: 18_000 },
});
