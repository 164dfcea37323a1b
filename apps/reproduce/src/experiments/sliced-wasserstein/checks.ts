import type { Check } from '../../experiment';
import type { Coverage } from './coverage';
import type { DigitsSlices } from './digits';
import type { Flow } from './flow';
import type { Gap, Method } from './gap';
import type { Generated } from './generator';
import { slopeOf, type SampleSize } from './sample-size';

/** What the experiment measures, for checks and plots. */
export interface SlicedData {
  sampleSize: SampleSize[];
  /** Laws that differ. */
  gap: Gap[];
  /** Equal laws. */
  sameLaw: Gap[];
  coverage: Coverage[];
  digits: DigitsSlices;
  flow: Flow[];
  generator: Generated[];
}

const PAPER = 'arXiv:2206.03230';
const OURS = 'our protocol';
/** Exponents of n: -1 but for logarithms of the Gaussian tails, and for laws drawn anew in each run. */
const SLOPE: [number, number] = [-1.15, -0.6];

/** What must hold, whatever the pictures are. */
export function checksOf(data: SlicedData): Check[] {
  return [
    ...sampleChecks(data),
    ...gapChecks(data),
    ...coverageChecks(data),
    ...digitsChecks(data),
    ...data.flow.map(flowCheck),
    ...data.generator.map(generatorCheck),
  ];
}

function sampleChecks({ sampleSize }: SlicedData): Check[] {
  const dims = [...new Set(sampleSize.map(({ dim }) => dim))];
  const slopes = dims.map((dim): Check => {
    const rows = sampleSize.filter((row) => row.dim === dim);
    return {
      claim: `d = ${dim}: SW₂² between samples of one law falls as n^a at every concentration of the slices`,
      expected: `a from ${SLOPE[0]} to ${SLOPE[1]}`,
      source: `${PAPER}, figure 1`,
      measured: rows.map((row) => `${slopeOf(row).toFixed(2)} at κ = ${row.kappa}`).join(', '),
      holds: rows.every((row) => slopeOf(row) >= SLOPE[0] && slopeOf(row) <= SLOPE[1]),
    };
  });
  const [low, high] = [Math.min(...dims), Math.max(...dims)];
  const ratios = sampleSize
    .filter(({ dim }) => dim === low)
    .map((row) => {
      const other = sampleSize.find(({ dim, kappa }) => dim === high && kappa === row.kappa)!;
      return { kappa: row.kappa, ratio: sum(other.mean) / sum(row.mean) };
    });
  return [
    ...slopes,
    {
      claim: `It is larger for d = ${high} than for d = ${low}`,
      expected: 'ratio > 1 at every concentration',
      source: `${PAPER}, figure 1`,
      measured: ratios.map(({ kappa, ratio }) => `${ratio.toFixed(1)} at κ = ${kappa}`).join(', '),
      holds: ratios.every(({ ratio }) => ratio > 1),
    },
  ];
}

function gapChecks({ gap, sameLaw }: SlicedData): Check[] {
  const settings = [...new Map(gap.map(({ dim, gamma }) => [`${dim} ${gamma}`, { dim, gamma }])).values()];
  const dims = [...new Set(gap.map(({ dim }) => dim))];
  const ordered = dims.flatMap((dim): Check[] => {
    const gammas = settings.filter((setting) => setting.dim === dim).map(({ gamma }) => gamma);
    const check = (claim: string, of: (gamma: number) => number[]): Check => ({
      claim: `d = ${dim}: ${claim}`,
      expected: 'ascending for every shift γ of the means',
      source: `${PAPER}, figure 2`,
      measured: gammas
        .map(
          (gamma) =>
            `${of(gamma)
              .map((value) => value.toFixed(2))
              .join(' ≤ ')} at γ = ${gamma}`,
        ) // prettier-ignore
        .join(', '),
      holds: gammas.every((gamma) => of(gamma).every((value, i, all) => i === 0 || all[i - 1]! <= value)),
    });
    return [
      check('uniform, PAC-SW and the best slice are in this order where they were learned', (gamma) =>
        (['uniform', 'PAC-SW', 'max-SW'] as const).map((method) => rowOf(gap, dim, gamma, method).train),
      ),
      check('on fresh points PAC-SW slices see more than uniform ones', (gamma) =>
        (['uniform', 'PAC-SW'] as const).map((method) => rowOf(gap, dim, gamma, method).test),
      ),
    ];
  });
  const growing = dims.map((dim): Check => {
    const rows = gap.filter((row) => row.dim === dim && row.method === 'PAC-SW').sort((a, b) => a.gamma - b.gamma);
    return {
      claim: `d = ${dim}: PAC-SW grows with the shift of the means, on fresh points too`,
      expected: 'ascending in γ',
      source: `${PAPER}, figure 2`,
      measured: rows.map(({ train, test }) => `${train.toFixed(2)} and ${test.toFixed(2)}`).join(', '),
      holds: rows.every((row, i) => i === 0 || (row.train > rows[i - 1]!.train && row.test > rows[i - 1]!.test)),
    };
  });
  const [{ dim, n }] = sameLaw as [Gap];
  const gaps = (['PAC-SW', 'DSW', 'max-SW'] as const).map((method) => {
    const { train, test } = rowOf(sameLaw, dim, 0, method);
    return { method, lost: train - test };
  });
  const lost = (method: Method): number => gaps.find((row) => row.method === method)!.lost;
  return [
    ...ordered,
    ...growing,
    {
      claim: `Equal laws, n = ${n}, d = ${dim}: PAC-SW slices lose less on fresh points than the best single slice`,
      expected: 'SW₂ where learned less SW₂ of fresh points: smaller for PAC-SW than for max-SW',
      source: `${PAPER}, figure 2`,
      measured: gaps.map(({ method, lost: value }) => `${method} ${value.toFixed(3)}`).join(', '),
      holds: lost('PAC-SW') < lost('max-SW'),
    },
  ];
}

function rowOf(rows: Gap[], dim: number, gamma: number, method: Method): Gap {
  return rows.find((row) => row.dim === dim && row.gamma === gamma && row.method === method)!;
}

function coverageChecks({ coverage }: SlicedData): Check[] {
  const [{ delta, repeats }] = coverage as [Coverage];
  const shares = (share: (row: Coverage) => number): string =>
    coverage.map((row) => `${share(row).toFixed(3)} at n = ${row.n}`).join(', ');
  return [
    {
      claim: `Lower bounds from slices that were learned on the same samples hold, ${repeats} pairs of samples each`,
      expected: `wrong in at most ${delta} of them`,
      source: `${PAPER}, the PAC-Bayesian bound for bounded supports`,
      measured: coverage
        .map(
          ({ violated, lowerBound, population, n }) =>
            `${violated.toFixed(3)} at n = ${n}, ${lowerBound.toFixed(2)} certified of ${population.toFixed(2)}`,
        ) // prettier-ignore
        .join('; '),
      holds: coverage.every(({ violated }) => violated <= delta),
    },
    {
      claim: 'They say something at the largest n, and the distance of the samples itself is no such bound',
      expected: `certified more than 0; without slack wrong in more than ${delta} of the samples`,
      source: PAPER,
      measured: shares(({ violatedWithoutSlack }) => violatedWithoutSlack),
      holds: coverage.at(-1)!.lowerBound > 0 && coverage.every((row) => row.violatedWithoutSlack > delta),
    },
  ];
}

/** Share of pairs in order, of pictures of other writers. */
const SEPARATION = 0.9;
/** Of 20 tests at 0.05 that should not reject, 5 or more do so by chance in 3 of 1000 cases. */
const FALSE_ALARMS = 4;

function digitsChecks({ digits }: SlicedData): Check[] {
  const { classes, separation, learned, uniform, pValue, pValuesOfHalves } = digits;
  const alarms = pValuesOfHalves.filter((p) => p <= 0.05).length;
  const pair = classes.join(' and ');
  return [
    {
      claim: `The axis learned on classes ${pair} puts fresh pictures in order`,
      expected: `at least ${SEPARATION} of the pairs`,
      source: OURS,
      measured: separation.toFixed(3),
      holds: separation >= SEPARATION,
    },
    {
      claim: `On fresh pictures of classes ${pair} the learned slices see more than uniform ones`,
      expected: 'a larger SW₂',
      source: OURS,
      measured: `${learned.test.toFixed(3)} against ${uniform.test.toFixed(3)}`,
      holds: learned.test > uniform.test,
    },
    {
      claim: `The permutation test tells classes ${pair} apart`,
      expected: 'p ≤ 0.01',
      source: OURS,
      measured: pValue.toFixed(4),
      holds: pValue <= 0.01,
    },
    {
      claim: `It does not tell apart random halves of class ${classes[0]}`,
      expected: `p ≤ 0.05 in at most ${FALSE_ALARMS} of ${pValuesOfHalves.length} halvings`,
      source: OURS,
      measured: `${alarms}`,
      holds: alarms <= FALSE_ALARMS,
    },
  ];
}

/** Shares of the distance at the start. */
const ARRIVED = 0.05;
const LEARNED = 0.5;

function flowCheck({ target, frames }: Flow): Check {
  const [first, last] = [frames[0]!, frames.at(-1)!];
  return {
    claim: `Particles that follow the gradient reach the ${target}`,
    expected: `SW₂ at most ${ARRIVED} of that at the start`,
    source: OURS,
    measured: `${(last.distance / first.distance).toFixed(4)} after ${last.step} steps`,
    holds: last.distance <= ARRIVED * first.distance,
  };
}

function generatorCheck({ training, steps, distance, floor }: Generated): Check {
  const [first, last] = [distance[0]!, distance.at(-1)!];
  return {
    claim: `A generator of pictures learns by the sliced distance, ${training} slices`,
    expected: `SW₂ to test pictures at most ${LEARNED} of that of the untrained one`,
    source: OURS,
    measured: `${last.toFixed(3)} after ${steps.at(-1)} steps, ${first.toFixed(3)} before; training pictures ${floor.toFixed(3)}`,
    holds: last <= LEARNED * first,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
