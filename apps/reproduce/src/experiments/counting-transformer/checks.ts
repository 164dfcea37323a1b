import type { Check } from '../../experiment';
import type { CircuitResult } from './circuits';
import type { RegionResult, Training } from './training';

/** What the plots and checks of this experiment are about. */
export interface CountingData {
  circuits: CircuitResult[];
  trainings: Training[];
}

const PAPER = 'arXiv:2406.02585';
/** A region counts as learned from this accuracy on. */
const LEARNED = 0.95;

/** Results of a law for all regions of some trainings. */
export function regionsOf(
  trainings: readonly Training[],
  law: string,
  isChosen: (training: Training) => boolean = () => true,
): RegionResult[] {
  return trainings
    .filter(isChosen)
    .flatMap(({ laws }) => laws.filter(({ name }) => name === law).flatMap(({ regions }) => regions));
}

/** The accuracy of the worst region, on the law of the training. */
function worst(training: Training): number {
  return Math.min(...training.laws[0]!.regions.map(({ accuracy }) => accuracy));
}

/** What must hold, whatever the pictures are. */
export function checksOf({ circuits, trainings }: CountingData): Check[] {
  const seeds = new Set(trainings.map(({ seed }) => seed)).size;
  const of = (code: string, causal: boolean): Training[] =>
    trainings.filter((training) => training.code === code && training.causal === causal);
  return [
    circuitCheck(circuits),
    causalCheck(trainings),
    blindCheck(of('NoPE', false)),
    solvesCheck('NoPE', of('NoPE', true)),
    solvesCheck('RoPE', of('RoPE', true)),
    ...(seeds >= 3 ? [bestCheck(trainings), reliableCheck(of('NoPE', true), of('RoPE', true))] : []),
    biasCheck(trainings),
  ];
}

function circuitCheck(circuits: readonly CircuitResult[]): Check {
  const exact = circuits.filter(({ bias }) => bias !== 'zero');
  return {
    claim: 'One causal layer without positions and one of cross-attention can count exactly: weights written by hand',
    expected: 'every region of 10,000 sequences by start, opening and closing tokens',
    source: `${PAPER}, propositions 1 and 2`,
    measured: exact.map(({ bias, counted, right }) => `${bias} ${right} of ${counted}`).join(', '),
    holds: exact.length === 3 && exact.every(({ counted, right }) => right === counted),
  };
}

function causalCheck(trainings: readonly Training[]): Check {
  const mean = (causal: boolean): number => {
    const own = regionsOf(trainings, 'in distribution', (training) => training.causal === causal);
    return own.reduce((sum, { accuracy }) => sum + accuracy / own.length, 0);
  };
  const [causal, full] = [mean(true), mean(false)];
  return {
    claim: 'Causal encoders count much better than others: mean accuracy over codes, regions and seeds',
    expected: 'at least 0.2 more',
    source: `${PAPER}, abstract and figure of accuracies`,
    measured: `${causal.toFixed(3)} against ${full.toFixed(3)}`,
    holds: causal >= full + 0.2,
  };
}

function blindCheck(trainings: readonly Training[]): Check {
  const own = regionsOf(trainings, 'in distribution');
  return {
    claim:
      'Without order and positions nothing can be counted: accuracy of the best region above the most frequent count',
    expected: 'within 0.02',
    source: `${PAPER}, proposition 3`,
    measured: Math.max(...own.map(({ accuracy, chance }) => accuracy - chance)).toFixed(3),
    holds: own.length > 0 && own.every(({ accuracy, chance }) => Math.abs(accuracy - chance) <= 0.02),
  };
}

function solvesCheck(code: string, trainings: readonly Training[]): Check {
  const best = Math.max(...trainings.map(worst));
  return {
    claim: `Causal ${code} solves the task: accuracy of the worse region, best seed`,
    expected: '≥ 0.99',
    source: `${PAPER}: close to 1 in the best models; the reduced protocol in PyTorch: 0.995`,
    measured: best.toFixed(4),
    holds: best >= 0.99,
  };
}

function bestCheck(trainings: readonly Training[]): Check {
  const codes = [...new Set(trainings.map(({ code }) => code))];
  const bestOf = (code: string): number =>
    Math.max(...trainings.filter((own) => own.causal && own.code === code).map(worst));
  const ranked = codes.map((code) => ({ code, best: bestOf(code) })).sort((a, b) => b.best - a.best);
  const none = bestOf('NoPE');
  return {
    claim: 'Causal encoders without positions make the best single models: accuracy of the worse region, best seed',
    expected: 'within 0.005 of the best code',
    source: `${PAPER}, abstract; at these short sequences other codes solve the task as well`,
    measured: ranked.map(({ code, best }) => `${code} ${best.toFixed(3)}`).join(', '),
    holds: none >= ranked[0]!.best - 0.005,
  };
}

function reliableCheck(none: readonly Training[], rope: readonly Training[]): Check {
  const learned = (trainings: readonly Training[]): string => {
    const own = regionsOf(trainings, 'in distribution');
    return `${own.filter(({ accuracy }) => accuracy >= LEARNED).length} of ${own.length}`;
  };
  const part = (trainings: readonly Training[]): number => {
    const own = regionsOf(trainings, 'in distribution');
    return own.filter(({ accuracy }) => accuracy >= LEARNED).length / own.length;
  };
  return {
    claim: 'Rotary positions are trained more reliably: regions that are learned, over the seeds',
    expected: 'at least as many as without positions',
    source: `${PAPER}, sec. 4`,
    measured: `RoPE ${learned(rope)}, NoPE ${learned(none)}`,
    holds: part(rope) >= part(none),
  };
}

/** What the bias token foretells and what was counted, for regions that were learned, on laws that were not. */
export function slopesOf(trainings: readonly Training[]): { foretold: number; measured: number }[] {
  return trainings.flatMap(({ laws }) => {
    const [trained, ...others] = laws;
    return others
      .filter(({ name }) => name === 'shorter' || name === 'fewer regions')
      .flatMap(({ regions }) =>
        regions.flatMap(({ slope, foretold }, k) =>
          trained!.regions[k]!.accuracy >= LEARNED ? [{ foretold, measured: slope }] : [],
        ),
      );
  });
}

function biasCheck(trainings: readonly Training[]): Check {
  const found = slopesOf(trainings);
  const errors = found.map(({ foretold, measured }) => Math.abs(measured / foretold - 1)).sort((a, b) => a - b);
  const median = errors[Math.floor(errors.length / 2)] ?? NaN;
  return {
    claim:
      'What a model counts against says how it generalises: slope of its counts on shorter sequences and with a region less, ' +
      'as attention foretells it, for regions that were learned',
    expected: 'median error below 0.1',
    source: `${PAPER}, sec. 5`,
    measured: `${median.toFixed(3)} over ${errors.length} cases, slopes from ${extremes(found.map((own) => own.measured))}`,
    holds: median < 0.1,
  };
}

function extremes(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`;
}
