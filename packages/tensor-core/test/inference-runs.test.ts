import { describe, expect, it } from 'vitest';
import { FormatError, ShapeError } from '../src/check';
import { hmc, hmcAsync, type HmcOptions, type HmcProgress, type HmcState } from '../src/inference';
import { identityMatrix, matrixFromRows } from '../src/linalg';
import { key } from '../src/random';
import { normalTarget } from './inference-targets';

const options: HmcOptions = {
  logDensity: normalTarget(
    [0.5, 0.4],
    matrixFromRows([
      [0.04, 0.01],
      [0.01, 0.02],
    ]),
  ),
  initial: [
    [0.3, 0.2],
    [0.6, 0.7],
  ],
  bounds: [
    [0, 1],
    [0, 1],
  ],
  key: key(77),
  warmUp: 60,
  burnIn: 5,
  keep: 30,
  saveWarmUp: true,
};
const whole = hmc(options);

/** Stops before iteration n. */
const stoppedAt = (n: number, change: Partial<HmcOptions> = {}) => {
  const controller = new AbortController();
  return hmc({
    ...options,
    ...change,
    signal: controller.signal,
    onProgress: ({ iteration }) => {
      if (iteration === n) controller.abort();
    },
  });
};

describe('a run', () => {
  it('depends on its key and on nothing else', () => {
    expect(hmc(options)).toEqual(whole);
    expect(hmc({ ...options, key: key(78) }).draws).not.toEqual(whole.draws);
  });

  it('that is longer begins with the shorter one', () => {
    const longer = hmc({ ...options, keep: 40 });
    longer.draws.forEach((draws, k) => expect(draws.data.slice(0, 60)).toEqual(whole.draws[k]!.data));
  });

  it('that ended goes on when more draws are asked for', () => {
    const more = hmc({ ...options, keep: 40, state: whole.state });
    const longer = hmc({ ...options, keep: 40 });
    more.draws.forEach((draws, k) => {
      expect([draws.rows, draws.data]).toEqual([10, longer.draws[k]!.data.slice(60)]);
    });
    expect(hmc({ ...options, state: whole.state })).toMatchObject({
      finished: true,
      draws: [{ rows: 0 }, { rows: 0 }],
    });
  });

  it('draws of each chain from a target of its own', () => {
    const shifted: HmcOptions = {
      ...options,
      bounds: undefined,
      logDensity: (q, chain) => {
        const { value, gradient } = normalTarget([10 * chain, 0], identityMatrix(2))(q, chain);
        return { value, gradient };
      },
    };
    const { draws } = hmc(shifted);
    const mean = (k: number): number =>
      draws[k]!.data.filter((_, at) => at % 2 === 0).reduce((sum, x) => sum + x / 30, 0);
    // 30 draws of standard deviation 1, hardly correlated.
    expect([Math.abs(mean(0)) < 1.5, Math.abs(mean(1) - 10) < 1.5]).toEqual([true, true]);
  });

  it.each([options.bounds, undefined])(
    'is not disturbed by a density that reuses the memory of its gradient, or changes its argument, bounds %o',
    (bounds) => {
      const gradient = new Float64Array(2);
      const logDensity: HmcOptions['logDensity'] = (q, chain) => {
        const found = options.logDensity(q, chain);
        gradient.set(found.gradient);
        q.fill(NaN);
        return { value: found.value, gradient };
      };
      expect(hmc({ ...options, bounds, logDensity }).draws).toEqual(hmc({ ...options, bounds }).draws);
    },
  );

  it('reports its progress', () => {
    const seen: HmcProgress[] = [];
    hmc({ ...options, onProgress: (progress) => seen.push(progress) });
    expect(seen.map(({ iteration }) => iteration)).toEqual(Array.from({ length: 95 }, (_, i) => i + 1));
    expect(seen.every(({ iterations }) => iterations === 95)).toBe(true);
    const phases = seen.map(({ phase }) => phase);
    expect([phases[0], phases[59], phases[60], phases[64], phases[65], phases[94]]).toEqual([
      'warm-up',
      'warm-up',
      'burn-in',
      'burn-in',
      'sampling',
      'sampling',
    ]);
    const last = whole.traces.map(({ acceptance, step }) => [acceptance[29]!, step[29]!]);
    expect(seen[94]!.acceptance).toBeCloseTo((last[0]![0]! + last[1]![0]!) / 2, 14);
    expect(seen[94]!.step).toBeCloseTo((last[0]![1]! + last[1]![1]!) / 2, 14);
  });

  it('does not record warm-up and burn-in unless asked to', () => {
    expect(hmc({ ...options, saveWarmUp: false })).toEqual({ ...whole, warmUpTraces: [] });
    expect(whole.warmUpTraces.map(({ draws }) => draws.rows)).toEqual([65, 65]);
  });
});

describe('a run that was stopped', () => {
  it.each([1, 20, 53, 54, 59, 60, 63, 65, 80])('before iteration %i goes on with the same draws', (n) => {
    const first = stoppedAt(n);
    expect(first.finished).toBe(false);
    const state = JSON.parse(JSON.stringify(first.state)) as HmcState;
    const rest = hmc({ ...options, key: undefined, state });
    expect(rest.finished).toBe(true);
    whole.traces.forEach((trace, k) => {
      const joined = [first, rest].flatMap(({ traces }) => Array.from(traces[k]!.draws.data));
      expect(joined).toEqual(Array.from(trace.draws.data));
      const warmUp = [first, rest].flatMap(({ warmUpTraces }) => Array.from(warmUpTraces[k]!.draws.data));
      expect(warmUp).toEqual(Array.from(whole.warmUpTraces[k]!.draws.data));
    });
    expect(rest.state).toEqual(whole.state);
    expect(rest.stepSize).toEqual(whole.stepSize);
  });

  it('before it began has done nothing but start', () => {
    const result = hmc({ ...options, signal: AbortSignal.abort() });
    expect(result).toMatchObject({
      finished: false,
      draws: [
        { rows: 0, cols: 2 },
        { rows: 0, cols: 2 },
      ],
    });
    expect(result.acceptance).toEqual([NaN, NaN]);
    expect(hmc({ ...options, state: result.state }).draws).toEqual(whole.draws);
  });
});

describe('hmcAsync', () => {
  it('has the draws of hmc', async () => {
    expect(await hmcAsync(options)).toEqual(whole);
  });

  it('lets timers run, so that one can stop it', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 0);
    const result = await hmcAsync({ ...options, keep: 1e7, signal: controller.signal });
    expect(result.finished).toBe(false);
    const rest = hmc({ ...options, keep: result.state.iteration + 10, state: result.state });
    expect(rest.finished).toBe(true);
  });

  it('rejects what hmc refuses, by its own name', async () => {
    await expect(hmcAsync({ ...options, keep: 0 })).rejects.toThrow('tensor-core.hmcAsync: keep must be');
  });
});

describe('a state', () => {
  const { state } = whole;
  const chain = state.chains[0]!;
  const withChain = (change: object): unknown => ({ ...state, chains: [{ ...chain, ...change }, state.chains[1]] });
  const fix = 'Pass the state that hmc returned.';
  it.each<[unknown, string]>([
    [{}, `state.format must be "tensor-core.hmc", got undefined. ${fix}`],
    [{ ...state, version: 2 }, `state.version must be 1, got 2. ${fix}`],
    [{ ...state, iteration: -1 }, `state.iteration must be an integer >= 0, got -1. ${fix}`],
    [{ ...state, chains: [chain] }, `state.chains must have 2 entries, one a chain, got 1. ${fix}`],
    [withChain({ position: [1] }), `state.chains[0].position must be 2 finite numbers, got [1]. ${fix}`],
    [withChain({ step: null }), `state.chains[0].step must be 1 finite numbers, got [null]. ${fix}`],
    [withChain({ stepAdaptation: {} }), `state.chains[0].stepAdaptation must be 5 finite numbers`],
    [
      withChain({ inverseMass: [1, 0, 0] }),
      `state.chains[0].inverseMass must be 4 finite numbers, got [1, 0, 0]. ${fix}`,
    ],
    [
      withChain({ covariance: { ...chain.covariance, mean: 'x' } }),
      `state.chains[0].covariance.mean must be 2 finite numbers`,
    ],
    [
      withChain({ covariance: { ...chain.covariance, count: NaN } }),
      `state.chains[0].covariance.count must be 1 finite numbers`,
    ],
    [
      withChain({ covariance: { ...chain.covariance, products: [] } }),
      `state.chains[0].covariance.products must be 4 finite numbers`,
    ],
  ])('that is broken is refused: %o', (broken, message) => {
    const call = (): unknown => hmc({ ...options, state: broken as HmcState });
    expect(call).toThrow(FormatError);
    expect(call).toThrow(`tensor-core.hmc: ${message}`);
  });

  it('of another key format is refused', () => {
    const broken = { ...state, key: { algorithm: 'x', words: [1, 2] } } as unknown as HmcState;
    expect(() => hmc({ ...options, state: broken })).toThrow(FormatError);
  });
});

describe('given random numbers', () => {
  const base: HmcOptions = {
    ...options,
    key: undefined,
    bounds: undefined,
    warmUp: 0,
    burnIn: 0,
    keep: 2,
    initialStep: 0.01,
  };
  const draws = {
    momenta: [
      [
        [1, 0],
        [0, 1],
      ],
      [
        [1, 1],
        [0, 0.5],
      ],
    ],
    lengths: [3, 2],
    uniforms: [
      [0.5, 0.5],
      [0.1, 0.2],
    ],
  };

  it('take the place of the key, and are kept out of the state', () => {
    const result = hmc({ ...base, draws });
    expect(result.state.key).toBeNull();
    expect(Array.from(result.traces[0]!.length)).toEqual([3, 2]);
    const first = hmc({ ...base, keep: 1, draws });
    expect(hmc({ ...base, draws, state: first.state }).draws[0]!.data).toEqual(result.draws[0]!.data.slice(2));
  });

  it.each<[new (message: string) => Error, Partial<HmcOptions>, string]>([
    [ShapeError, { draws: { ...draws, momenta: [[[1, 0], [0]]] } }, 'draws.momenta[0][1] must have 2 entries, got 1.'],
    [ShapeError, { draws: { ...draws, momenta: [] } }, 'draws.momenta[0][0] must have 2 entries, got undefined.'],
    [RangeError, { draws: { ...draws, lengths: [0] } }, 'draws.lengths[0] must be an integer >= 1, got 0.'],
    [
      RangeError,
      { draws: { ...draws, uniforms: [[2]] } },
      'draws.uniforms[0][0] must be a finite number >= 0 and <= 1, got 2.',
    ],
    [
      TypeError,
      { draws: { ...draws, uniforms: [[0.1]] } },
      'draws.uniforms[0][1] must be a finite number >= 0 and <= 1, got undefined.',
    ],
    [
      TypeError,
      { draws, initialStep: undefined },
      'initialStep must be given, got undefined. Draws are given: without a key no step can be searched for.',
    ],
  ])('that are missing are refused with a %o: %o', (type, change, message) => {
    const call = (): unknown => hmc({ ...base, ...change });
    expect(call).toThrow(type);
    expect(call).toThrow(`tensor-core.hmc: ${message}`);
  });
});
