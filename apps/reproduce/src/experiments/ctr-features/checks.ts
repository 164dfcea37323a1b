import type { Check } from '../../experiment';
import type { DigitsError } from './digits';
import { closedForm, type Growth } from './growth';
import type { KernelError } from './kernel-error';
import { PROJECTIONS } from './methods';

/** What the experiment measures, for checks and plots. */
export interface SketchData {
  kernel: KernelError[];
  digits: DigitsError[];
  growth: Growth[];
}

const TABLES = 'the authors’ PyTorch code and scikit-learn on the same protocol';
const PAPER = 'arXiv:2202.02031, and the closed-form variances of arXiv:2201.08712';

/** Errors of the kernel matrix that the reference has, 12 draws: [preparation, method, degree, mean error]. */
export const KERNEL_REFERENCE: [KernelError['preparation'], string, number, number][] = [
  ['non-negative', 'Gaussian, real', 2, 0.081],
  ['non-negative', 'Gaussian, CtR', 2, 0.075],
  ['non-negative', 'Rademacher, real', 3, 0.125],
  ['non-negative', 'Rademacher, CtR', 3, 0.092],
  ['non-negative', 'SRHT, real', 3, 0.111],
  ['non-negative', 'SRHT, CtR', 3, 0.07],
  ['non-negative', 'TensorSketch', 3, 0.117],
  ['zero-mean', 'Rademacher, real', 3, 0.176],
  ['zero-mean', 'Rademacher, CtR', 3, 0.16],
  ['zero-mean', 'SRHT, CtR', 3, 0.139],
  ['zero-mean', 'TensorSketch', 3, 0.165],
];
/** Two means of 12 and more draws that each spread by up to a third. */
const KERNEL_TOLERANCE = 0.35;

/** How far the root mean square of ten measured errors may be from the closed form at degrees up to 3. */
const CLOSED_FORM = 0.5;

/** Test errors that the reference has, 4 draws: [method, degree, features, mean error]. */
export const DIGITS_REFERENCE: [string, number, number, number][] = [
  ['exact', 3, 0, 0.0188],
  ['exact', 7, 0, 0.0163],
  ['Gaussian, real', 3, 1024, 0.021],
  ['Rademacher, real', 7, 256, 0.151],
  ['Rademacher, CtR', 3, 1024, 0.022],
  ['Rademacher, CtR', 7, 256, 0.114],
  ['SRHT, real', 7, 256, 0.146],
  ['SRHT, CtR', 3, 1024, 0.022],
  ['SRHT, CtR', 7, 256, 0.105],
  ['TensorSketch', 7, 256, 0.107],
];
/** 797 test points have a standard error of 0.005 at an error of 0.02 and of 0.011 at 0.1; draws spread by 0.015. */
const digitsTolerance = (error: number): number => (error < 0.05 ? 0.012 : 0.03);

/** For the digits that ship with the app: against the reference. */
export function digitsChecks(data: SketchData): Check[] {
  const near = KERNEL_REFERENCE.map(([preparation, method, degree, expected]): Check => {
    const { mean } = kernelAt(data, preparation, method, degree);
    return {
      claim: `${method}, ${preparation} digits, degree ${degree}: error of the kernel matrix`,
      expected: `${expected} ± ${(100 * KERNEL_TOLERANCE).toFixed(0)} %`,
      source: TABLES,
      measured: mean.toFixed(3),
      holds: Math.abs(mean / expected - 1) <= KERNEL_TOLERANCE,
    };
  });
  const downstream = DIGITS_REFERENCE.map(([method, degree, features, expected]): Check => {
    const { mean } = digitsAt(data, method, degree, features);
    const tolerance = digitsTolerance(expected);
    const what =
      method === 'exact' ? 'exact kernel ridge regression' : `ridge regression on ${features} features, ${method}`;
    return {
      claim: `${what}, degree ${degree}: test error`,
      expected: `${expected} ± ${tolerance}`,
      source: TABLES,
      measured: mean.toFixed(3),
      holds: Math.abs(mean - expected) <= tolerance,
    };
  });
  return [...orderingChecks(data), ...near, ...downstream];
}

/** What the paper claims, whatever the data. */
export function orderingChecks(data: SketchData): Check[] {
  const degrees = [...new Set(data.kernel.map(({ degree }) => degree))].filter((degree) => degree >= 3 && degree <= 7);
  const preparations = [...new Set(data.kernel.map(({ preparation }) => preparation))];
  const smaller = preparations.flatMap((preparation) =>
    PROJECTIONS.map((projection): Check => {
      const ratios = degrees.map((degree) => {
        const [real, ctr] = ['real', 'CtR'].map((mode) =>
          kernelAt(data, preparation, `${projection}, ${mode}`, degree),
        );
        return real!.mean / ctr!.mean;
      });
      return {
        claim: `${projection}, ${preparation}: complex-to-real features have the smaller error from degree 3 to 7`,
        expected: 'error of real features / error of CtR > 1 at each degree',
        source: PAPER,
        measured: degrees.map((degree, i) => `${ratios[i]!.toFixed(2)} at ${degree}`).join(', '),
        holds: ratios.every((ratio) => ratio > 1),
      };
    }),
  );
  return [...smaller, predictionCheck(data), ...growthChecks(data), learningCheck(data)];
}

function predictionCheck({ kernel }: SketchData): Check {
  const known = kernel.filter(({ method, degree }) => degree <= 3 && method !== 'TensorSketch');
  const ratios = known.map(({ rms, predicted }) => rms / predicted);
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  return {
    claim: 'Up to degree 3 the closed-form variances predict the errors of all product sketches',
    expected: `measured / predicted between ${1 - CLOSED_FORM} and ${1 + CLOSED_FORM}`,
    source: PAPER,
    measured: `${least.toFixed(2)} to ${most.toFixed(2)}`,
    holds: least >= 1 - CLOSED_FORM && most <= 1 + CLOSED_FORM,
  };
}

function growthChecks({ growth }: SketchData): Check[] {
  return (['real', 'ctr'] as const).map((mode) => {
    const rows = growth.filter((row) => row.mode === mode);
    return {
      claim: `The variance at x = y grows as ${mode === 'real' ? '3^p - 1 with real' : '2^(p+1) - 2 with CtR'} features`,
      expected: 'within 4.5 standard errors of it',
      source: PAPER,
      measured: rows
        .map(({ degree, variance }) => `${variance.toFixed(1)} (${closedForm(degree, mode)}) at p = ${degree}`)
        .join(', '),
      holds: rows.every(
        ({ degree, variance, standardError }) => Math.abs(variance - closedForm(degree, mode)) <= 4.5 * standardError,
      ),
    };
  });
}

function learningCheck({ digits }: SketchData): Check {
  const largest = Math.max(...digits.map(({ degree }) => degree));
  const fewest = 256;
  const gains = PROJECTIONS.map((projection) => {
    const [real, ctr] = ['real', 'CtR'].map((mode) =>
      digits.find(
        (row) => row.method === `${projection}, ${mode}` && row.degree === largest && row.features === fewest,
      ),
    );
    return real!.mean - ctr!.mean;
  });
  return {
    claim: `Ridge regression of degree ${largest} on ${fewest} features errs less with complex-to-real features`,
    expected: 'test error lower by 0.02 or more, for each projection',
    source: TABLES,
    measured: PROJECTIONS.map((projection, i) => `${projection} ${gains[i]!.toFixed(3)}`).join(', '),
    holds: gains.every((gain) => gain >= 0.02),
  };
}

function kernelAt({ kernel }: SketchData, preparation: string, method: string, degree: number): KernelError {
  return kernel.find((row) => row.preparation === preparation && row.method === method && row.degree === degree)!;
}

function digitsAt({ digits }: SketchData, method: string, degree: number, features: number): DigitsError {
  return digits.find((row) => row.method === method && row.degree === degree && row.features === features)!;
}
