export { fftPlan, type FftPlan } from './fft-plan';
export { fftPlan2, type FftPlan2 } from './fft-plan-2d';
export {
  hostFft,
  hostFft2,
  hostIfft,
  hostIfft2,
  hostIrfft,
  hostIrfft2,
  hostRfft,
  hostRfft2,
  type HostComplex,
  type HostFftOptions,
  type HostSignal,
} from './host-fft';
export { complexMultiply, squaredModulus, type Complex, type Signal } from './complex';
export { fft, ifft, irfft, rfft, type FftOptions, type IrfftOptions } from './fft';
export { fft2, ifft2, irfft2, rfft2, type Fft2Options, type Irfft2Options } from './fft2';
export { type FftNorm } from './norm';
export { truncatedIrfft2, truncatedRfft2 } from './truncated';
export { colourNoise, gaussianField, type ColourOptions } from './colour-noise';
export { circularConvolve, circularConvolve2d, type ConvolveOptions } from './convolve';
export { hostColourNoise, hostGaussianField } from './host-colour-noise';
export { checkPower, type PowerArray } from './power-array';
export { hostWalshHadamard, walshHadamard, type WalshHadamardOptions } from './walsh-hadamard';
export { wavenumbers, type WavenumberOptions, type Wavenumbers, type WavenumberUnit } from './wavenumbers';
export {
  hostCrossSpectrum,
  hostPowerSpectrum,
  type HostCrossSpectrum,
  type HostImages,
  type HostSpectrum,
} from './host-spectrum';
export {
  crossSpectrum,
  powerSpectrum,
  type CrossSpectrum,
  type Spectrum,
  type TensorSpectrumOptions,
} from './power-spectrum';
export { radialBins, type RadialBins, type RadialBinsOptions } from './radial-bins';
export { gaussianCrossError, gaussianPowerError } from './spectrum-errors';
export { type SpectrumOptions } from './spectrum-options';
export { cosineTaper, cosineTaper2d, gaussianBeam, pixelWindow } from './windows';
