import { linalg, random } from '@tfsci/tensor-core';
import { describe, expect, it } from 'vitest';
import { bestAttack, countErrors, epsilonOfRates } from '../src/audit/attack';
import { auditEpsilon } from '../src/audit/audit-epsilon';
import { auditMechanism, type AuditWorld } from '../src/audit/audit-mechanism';
import { approximateUpperProbability, upperProbability } from '../src/audit/clopper-pearson';

const { normalCdf } = linalg;

/** Sums of a few hundred terms of float64. */
const ROUNDING = { rtol: 1e-10, atol: 1e-12 };

const normals = (seed: number, n: number, mean = 0, std = 1): Float64Array =>
  random.fillNormal(random.key(seed), new Float64Array(n), { mean, std });

/** delta of the Gaussian mechanism with sensitivity 1. */
function gaussianDelta(epsilon: number, z: number): number {
  return normalCdf(1 / (2 * z) - epsilon * z) - Math.exp(epsilon) * normalCdf(-1 / (2 * z) - epsilon * z);
}

/** delta of N(b, z^2), b = 1 with probability q and else 0, against N(0, z^2): the larger of both directions. */
function sampledDelta(epsilon: number, q: number, z: number): number {
  /** Where the likelihood ratio of the two is `ratio`. */
  const at = (ratio: number): number => {
    const a = ratio - (1 - q);
    return a > 0 ? z ** 2 * Math.log(a / q) + 0.5 : -Infinity;
  };
  const [up, down] = [at(Math.exp(epsilon)), at(Math.exp(-epsilon))];
  const mixture = (c: number): number => (1 - q) * normalCdf(c / z) + q * normalCdf((c - 1) / z);
  const remove = 1 - mixture(up) - Math.exp(epsilon) * (1 - normalCdf(up / z));
  const add = normalCdf(down / z) - Math.exp(epsilon) * mixture(down);
  return Math.max(remove, add);
}

/** The root of a falling function. */
function epsilonWhere(deltaOf: (epsilon: number) => number, delta: number): number {
  let [below, above] = [0, 50];
  for (let step = 0; step < 60; step++) {
    const middle = (below + above) / 2;
    if (deltaOf(middle) > delta) below = middle;
    else above = middle;
  }
  return above;
}

describe('upperProbability', () => {
  it('is where the binomial tail has the risk', () => {
    for (const [count, trials, risk] of [
      [0, 1, 0.05],
      [0, 40, 0.025],
      [7, 40, 1e-6],
      [39, 40, 0.3],
    ] as const) {
      const p = upperProbability(count, trials, risk);
      let [tail, term] = [0, (1 - p) ** trials];
      for (let k = 0; k <= count; k++) {
        tail += term;
        term *= ((trials - k) / (k + 1)) * (p / (1 - p));
      }
      expect(tail).toBeAllclose(risk, ROUNDING);
    }
    expect(upperProbability(0, 40, 0.025)).toBeAllclose(1 - 0.025 ** (1 / 40), ROUNDING);
    expect(upperProbability(40, 40, 0.025)).toBe(1);
  });

  it('is near its approximation for many counts', () => {
    const z = -linalg.normalQuantile(0.01);
    for (const count of [30, 500, 970]) {
      const exact = upperProbability(count, 1000, 0.01);
      // The approximation is of order 1 / trials off.
      expect(Math.abs(approximateUpperProbability(count, 1000, z) - exact)).toBeLessThan(2e-3);
    }
  });
});

describe('bestAttack', () => {
  it('promises the largest bound of all thresholds and sides, ties included', () => {
    const z = 1.2;
    for (const [seed, shift] of [
      [0, 1],
      [2, -2],
      [4, 0.2],
    ] as const) {
      const rounded = (draws: Float64Array): Float64Array => draws.map((draw) => Math.round(2 * draw) / 2);
      const [x, y] = [rounded(normals(seed, 30, shift)), rounded(normals(seed + 1, 21))];
      const promise = (attack: Parameters<typeof countErrors>[0]): number => {
        const { falsePositives, falseNegatives } = countErrors(attack, x, y);
        const fpr = approximateUpperProbability(falsePositives, 21, z);
        return epsilonOfRates(fpr, approximateUpperProbability(falseNegatives, 30, z), 0.05);
      };
      const all = [...x, ...y].flatMap((threshold) =>
        (['above', 'not above'] as const).map((side) => promise({ threshold, side })),
      );
      expect(promise(bestAttack(x, y, 0.05, z))).toBe(Math.max(...all));
    }
  });

  it('is judged by both directions', () => {
    expect(epsilonOfRates(0.3, 0.1, 0.05)).toBeAllclose(Math.log(0.65 / 0.1), ROUNDING);
    expect(epsilonOfRates(0.1, 0.3, 0.05)).toBeAllclose(Math.log(0.65 / 0.1), ROUNDING);
    expect(epsilonOfRates(0.6, 0.7, 0)).toBeAllclose(Math.log(0.4 / 0.7), ROUNDING);
    expect(epsilonOfRates(0.6, 0.7, 0.5)).toBe(-Infinity);
  });

  it('puts the threshold between draws', () => {
    expect(bestAttack(Float64Array.of(3, 4), Float64Array.of(1, 2), 0, 1)).toEqual({ threshold: 2.5, side: 'above' });
    expect(bestAttack(Float64Array.of(1, 2), Float64Array.of(3, 4), 0, 1)).toEqual({
      threshold: 2.5,
      side: 'not above',
    });
    expect(countErrors({ threshold: 2, side: 'above' }, Float64Array.of(1, 2, 3), Float64Array.of(0, 2, 5, 6))).toEqual(
      {
        falsePositives: 2,
        falseNegatives: 2,
      },
    );
  });
});

describe('auditEpsilon', () => {
  it('is the closed form when no run is mistaken, in either order of the worlds', () => {
    const [ones, zeros] = [new Float64Array(100).fill(1), new Float64Array(300)];
    const few = 1 - 0.005 ** (1 / 50);
    const many = 1 - 0.005 ** (1 / 150);
    const expected = Math.log(Math.max((1 - 0.1 - few) / many, (1 - 0.1 - many) / few));
    const audit = auditEpsilon({ withExample: ones, without: zeros, delta: 0.1, confidence: 0.99 });
    expect(audit.epsilon).toBeAllclose(expected, ROUNDING);
    expect(audit.ceiling).toBe(audit.epsilon);
    expect(audit).toMatchObject({ delta: 0.1, confidence: 0.99, attack: { threshold: 0.5, side: 'above' } });
    expect(audit.falsePositive).toMatchObject({ errors: 0, runs: 150 });
    expect(audit.falseNegative).toMatchObject({ errors: 0, runs: 50 });
    const reversed = auditEpsilon({ withExample: zeros, without: ones, delta: 0.1, confidence: 0.99 });
    expect(reversed.epsilon).toBe(audit.epsilon);
    expect(reversed.attack).toEqual({ threshold: 0.5, side: 'not above' });
  });

  it('says nothing of worlds that look the same, and says 0', () => {
    const same = new Float64Array(1000).fill(3);
    expect(auditEpsilon({ withExample: same, without: same, delta: 0 }).epsilon).toBe(0);
  });

  it('is the larger of both bounds for the errors of one half', () => {
    const audit = auditEpsilon({
      withExample: normals(0, 801, 1),
      without: normals(1, 600),
      delta: 0.01,
      confidence: 0.9,
    });
    const { falsePositive: fp, falseNegative: fn } = audit;
    expect([fn.runs, fp.runs]).toEqual([401, 300]);
    expect(fp.upper).toBe(upperProbability(fp.errors, 300, (1 - 0.9) / 2));
    expect(fn.upper).toBe(upperProbability(fn.errors, 401, (1 - 0.9) / 2));
    const bounds = [(0.99 - fn.upper) / fp.upper, (0.99 - fp.upper) / fn.upper];
    expect(audit.epsilon).toBeAllclose(Math.log(Math.max(...bounds)), ROUNDING);
    expect(audit.epsilon).toBeGreaterThan(0);
    expect(audit.ceiling).toBeGreaterThan(audit.epsilon);
    const defaults = auditEpsilon({ withExample: normals(0, 801, 1), without: normals(1, 600), delta: 0.01 });
    expect(defaults.confidence).toBe(0.95);
    expect(defaults.epsilon).toBeLessThan(audit.epsilon);
  });

  it('chooses the attack on other runs than it counts: equal worlds are told apart no more often than the risk', () => {
    const trials = 300;
    let claims = 0;
    for (let trial = 0; trial < trials; trial++) {
      // In ascending order, which the drawn halves must not mind.
      const [x, y] = [normals(2 * trial, 60).sort(), normals(2 * trial + 1, 60).sort()];
      const audit = auditEpsilon({ withExample: x, without: y, delta: 0, confidence: 0.5, key: trial });
      claims += Number(audit.epsilon > 0);
    }
    // A binomial count with a probability of at most 1/2 is above 150 + 4 sqrt(300 / 4) with probability 4e-5.
    expect(claims).toBeLessThan(185);
    // Half of the bounds of a rate are below the truth here, so some claims are made.
    expect(claims).toBeGreaterThan(10);
  });

  // Each audit exceeds what is true with probability 1e-6 at most: 200 of them do so with 2e-4 at most.
  const cautious = { confidence: 1 - 1e-6 };
  const [z, q, delta] = [1, 0.5, 0.01];
  const claimed = epsilonWhere((epsilon) => gaussianDelta(epsilon, z), delta);
  const sampledClaim = epsilonWhere((epsilon) => sampledDelta(epsilon, q, z), delta);
  /** N(b, std^2), b = 1 with probability q. */
  const sampled = (seed: number, n: number, std: number): Float64Array => {
    const takesPart = random.fillBernoulli(random.key(seed + 1), new Uint8Array(n), { p: q });
    return normals(seed, n, 0, std).map((draw, i) => draw + takesPart[i]!);
  };

  it('never exceeds what is true of a Gaussian mechanism, in 200 audits', () => {
    const audits = Array.from({ length: 200 }, (_, trial) =>
      auditEpsilon({
        ...{ withExample: normals(1e6 + 2 * trial, 2000, 1, z), without: normals(1e6 + 2 * trial + 1, 2000, 0, z) },
        ...{ delta, ...cautious, key: trial },
      }),
    );
    expect(Math.max(...audits.map(({ epsilon }) => epsilon))).toBeLessThanOrEqual(claimed);
    expect(Math.min(...audits.map(({ epsilon }) => epsilon))).toBeGreaterThan(0);
  });

  it('exceeds what is true of randomised response no more often than the risk', () => {
    const truth = 1;
    const lie = 1 / (1 + Math.exp(truth));
    const answers = (seed: number, p: number): Float64Array =>
      Float64Array.from(random.fillBernoulli(random.key(seed), new Uint8Array(400), { p }));
    let exceeded = 0;
    for (let trial = 0; trial < 300; trial++) {
      const [withExample, without] = [answers(2 * trial, 1 - lie), answers(2 * trial + 1, lie)];
      const { epsilon } = auditEpsilon({ withExample, without, delta: 0, confidence: 0.6, key: trial });
      exceeded += Number(epsilon > truth);
    }
    // A binomial count with a probability of at most 0.4 is above 120 + 4 sqrt(300 0.24) = 154 with probability 4e-5.
    expect(exceeded).toBeLessThan(155);
    // One of two bounds has the truth within one standard deviation, so it cannot be that none is exceeded.
    expect(exceeded).toBeGreaterThan(5);
  });

  /** What the best fixed threshold gives when it errs 3 standard deviations more often than expected. */
  function attainable(
    runs: number,
    confidence: number,
    fpr: (c: number) => number,
    fnr: (c: number) => number,
  ): number {
    const high = (p: number): number => {
      const errors = Math.ceil(runs * p + 3 * Math.sqrt(runs * p * (1 - p)));
      return upperProbability(errors, runs, (1 - confidence) / 2);
    };
    const thresholds = Array.from({ length: 80 }, (_, i) => i / 20 - 1.5);
    return Math.max(...thresholds.map((c) => epsilonOfRates(high(fpr(c)), high(fnr(c)), delta)));
  }

  it('comes near to it', () => {
    const runs = 20_000;
    // In ascending order: halves that are not drawn would be of different laws.
    const [withExample, without] = [normals(1, 2 * runs, 1, z).sort(), normals(2, 2 * runs, 0, z).sort()];
    const audit = auditEpsilon({ withExample, without, delta, confidence: 0.999 });
    const expected = attainable(
      ...([runs, 0.999] as const),
      (c) => normalCdf(-c / z),
      (c) => normalCdf((c - 1) / z),
    );
    expect(expected / claimed).toBeGreaterThan(0.6);
    expect(audit.epsilon).toBeGreaterThan(expected);
    expect(audit.epsilon).toBeLessThan(claimed);
  });

  it('catches a Gaussian mechanism with half of the noise that is claimed', () => {
    const broken = { withExample: normals(3, 20_000, 1, z / 2), without: normals(4, 20_000, 0, z / 2) };
    expect(auditEpsilon({ ...broken, delta, ...cautious }).epsilon).toBeGreaterThan(claimed);
  });

  it('does both for the sampled Gaussian mechanism', () => {
    const of = (std: number) => ({ withExample: sampled(10, 20_000, std), without: normals(5, 20_000, 0, std), delta });
    const fair = auditEpsilon({ ...of(z), confidence: 0.999 });
    const expected = attainable(
      ...([10_000, 0.999] as const),
      (c) => normalCdf(-c / z),
      (c) => (1 - q) * normalCdf(c / z) + q * normalCdf((c - 1) / z),
    );
    expect(expected / sampledClaim).toBeGreaterThan(0.4);
    expect(fair.epsilon).toBeGreaterThan(expected);
    expect(fair.epsilon).toBeLessThan(sampledClaim);
    expect(auditEpsilon({ ...of(z / 2), ...cautious }).epsilon).toBeGreaterThan(sampledClaim);
  });

  const draws = Float64Array.of(1, 2, 3);
  it.each<[string, object, string]>([
    ['TypeError', { withExample: [1, 2] }, 'withExample must be a Float64Array, a number for each run, got [1, 2].'],
    ['ShapeError', { without: Float64Array.of(1) }, 'without must have at least 2 runs, for two halves, got 1.'],
    ['RangeError', { without: Float64Array.of(1, NaN) }, 'without[1] must be finite, got NaN.'],
    ['RangeError', { delta: 1 }, 'delta must be a finite number >= 0 and < 1, got 1.'],
    ['RangeError', { confidence: 1 }, 'confidence must be a finite number > 0 and < 1, got 1.'],
    ['TypeError', { key: 'a' }, 'key must be a Key or a number, got "a". For a start take key: 0.'],
  ])('refuses with a %s %o', (name, wrong, message) => {
    const make = () => auditEpsilon({ withExample: draws, without: draws, delta: 0, ...wrong });
    expect(make).toThrow(expect.objectContaining({ name }));
    expect(make).toThrow(`opu-dfa.auditEpsilon: ${message}`);
  });
});

describe('auditMechanism', () => {
  const mechanism = (world: AuditWorld, key: random.Key): number =>
    random.fillNormal(key, new Float64Array(1), { mean: world === 'with' ? 1 : 0 })[0]!;
  const options = { mechanism, trials: 400, key: 3, delta: 0.01, confidence: 0.9 };

  it('audits runs of both worlds with keys of their own', async () => {
    const seen: [AuditWorld, random.Key, number, number][] = [];
    const progress: number[] = [];
    const audit = await auditMechanism({
      ...options,
      mechanism: (world, key, trial) => {
        const draw = mechanism(world, key);
        seen.push([world, key, trial, draw]);
        return trial % 2 === 0 ? draw : Promise.resolve(draw);
      },
      onProgress: (trials) => progress.push(trials),
    });
    expect(progress).toEqual(Array.from({ length: 400 }, (_, i) => i + 1));
    expect(new Set(seen.map(([, key]) => JSON.stringify(key))).size).toBe(800);
    const drawsOf = (wanted: AuditWorld): Float64Array =>
      Float64Array.from(
        seen.filter(([world]) => world === wanted),
        ([, , , draw]) => draw,
      );
    expect(seen.map(([, , trial]) => trial)).toEqual(Array.from({ length: 800 }, (_, i) => Math.floor(i / 2)));
    const key = random.split(random.key(3), 3)[0]!;
    const direct = { withExample: drawsOf('with'), without: drawsOf('without'), delta: 0.01, confidence: 0.9, key };
    expect(audit).toEqual(auditEpsilon(direct));
    expect(audit.epsilon).toBeGreaterThan(0);
    expect(audit.attack.side).toBe('above');
  });

  it('gives the event loop its turns, and stops when it is told to', async () => {
    const abort = new AbortController();
    let runs = 0;
    const endless = auditMechanism({
      ...options,
      trials: 1e6,
      signal: abort.signal,
      mechanism: (world, key) => {
        runs++;
        return mechanism(world, key);
      },
    });
    setTimeout(() => abort.abort(new Error('enough')), 0);
    await expect(endless).rejects.toThrow('enough');
    expect(runs).toBeGreaterThan(0);
    await expect(auditMechanism({ ...options, signal: AbortSignal.abort(new Error('never')) })).rejects.toThrow(
      'never',
    );
  });

  it.each<[string, object, string]>([
    ['TypeError', { mechanism: 1 }, 'mechanism must be a function of world, key and trial, got 1.'],
    ['RangeError', { trials: 1 }, 'trials must be an integer >= 2, got 1.'],
    ['RangeError', { delta: -1 }, 'delta must be a finite number >= 0 and < 1, got -1.'],
    ['RangeError', { confidence: 0 }, 'confidence must be a finite number > 0 and < 1, got 0.'],
    ['TypeError', { key: null }, 'key must be a Key or a number, got null. For a start take key: 0.'],
    ['RangeError', { mechanism: () => NaN }, "mechanism('with', key, 0) must be a finite number, got NaN."],
    [
      'TypeError',
      { mechanism: (world: string) => (world === 'with' ? 1 : 'none') },
      'mechanism(\'without\', key, 0) must be a finite number, got "none".',
    ],
  ])('refuses with a %s %o', async (name, wrong, message) => {
    const audit = auditMechanism({ ...options, ...wrong });
    await expect(audit).rejects.toMatchObject({ name, message: `opu-dfa.auditMechanism: ${message}` });
  });
});
