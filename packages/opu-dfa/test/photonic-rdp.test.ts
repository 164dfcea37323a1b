// m examples, n inputs, k units
import { linalg, random } from '@tfsci/tensor-core';
import { loadGolden } from '@tfsci/tensor-core/testing';
import { describe, expect, it } from 'vitest';
import { feedbackSensitivity, labelPhotonicBound } from '../src/privacy/label-bound';
import { type PhotonicLayer, photonicMoments } from '../src/privacy/photonic-moments';
import { photonicRdp, type PhotonicRdpOptions } from '../src/privacy/photonic-rdp';

/** The stated tolerance of the reference. */
const REFERENCE = { rtol: 1e-8, atol: 1e-8 };
/** Sums of a few terms of float64. */
const ROUNDING = { rtol: 1e-12, atol: 1e-14 };

const golden = loadGolden(new URL('golden/photonic_rdp.safetensors', import.meta.url));
const sigma = Number(golden.metadata['sigma']);
const orders = Array.from(golden.get('alphas').data);

function goldenMatrix(name: string): linalg.Matrix64 {
  const { shape, data } = golden.get(name);
  return linalg.matrix(shape[0]!, shape[1]!, data);
}

const batch = { inputs: goldenMatrix('h'), derivatives: goldenMatrix('deriv'), projections: goldenMatrix('proj') };
const primed = {
  inputs: goldenMatrix('hPrime'),
  derivatives: goldenMatrix('derivPrime'),
  projections: goldenMatrix('projPrime'),
};
const withoutFirst = (matrix: linalg.Matrix64): Float64Array[] =>
  Array.from({ length: matrix.rows - 1 }, (_, i) => linalg.rowOf(matrix, i + 1));
const removed = {
  inputs: withoutFirst(batch.inputs),
  derivatives: withoutFirst(batch.derivatives),
  projections: withoutFirst(batch.projections),
};
const relabelled = { ...batch, projections: primed.projections };
const NEIGHBOURS: [string, PhotonicLayer][] = [
  ['replace', primed],
  ['labelOnly', relabelled],
  ['remove', removed],
];
const MODELS: [string, Partial<PhotonicRdpOptions>][] = [
  ['full', {}],
  ['diag', { covariance: 'diagonal' }],
  ['fullDigital', { sigmaDigital: Number(golden.metadata['sigmaDigital']) }],
  ['diagDigital', { covariance: 'diagonal', sigmaDigital: Number(golden.metadata['sigmaDigital']) }],
];

/** A layer of normal draws. */
function layerOf(seed: number, m: number, n: number, k: number): PhotonicLayer {
  const [inputs, derivatives, projections] = [n, k, k].map((width, i) =>
    linalg.matrix(m, width, random.fillNormal(random.foldIn(random.key(seed), i), new Float64Array(m * width))),
  );
  return { inputs: inputs!, derivatives: derivatives!, projections: projections! };
}

describe('photonicMoments', () => {
  it('are those of the reference', () => {
    for (const [layer, prime] of [
      [batch, ''],
      [primed, 'Prime'],
    ] as const) {
      const moments = photonicMoments(layer, { sigma, bias: false });
      expect(moments.flatMap(({ mean }) => Array.from(mean))).toBeAllclose(golden.get(`mu${prime}`).data, REFERENCE);
      const covariances = moments.flatMap(({ covariance }) => Array.from(covariance.data));
      expect(covariances).toBeAllclose(golden.get(`cov${prime}`).data, REFERENCE);
    }
  });

  it('have a bias as if a last input were 1, unless told otherwise', () => {
    const ones = Array.from({ length: 20 }, (_, i) => [...linalg.rowOf(batch.inputs, i), 1]);
    const explicit = photonicMoments({ ...batch, inputs: ones }, { sigma, sigmaDigital: 0.1, bias: false });
    expect(photonicMoments(batch, { sigma, sigmaDigital: 0.1 })).toEqual(explicit);
    expect(photonicMoments(batch, { sigma, sigmaDigital: 0.1, bias: true })).toEqual(explicit);
  });

  it('are those of 20,000 simulated updates', () => {
    const [m, n, k, draws] = [5, 2, 2, 20_000];
    const layer = layerOf(7, m, n, k) as Record<keyof PhotonicLayer, linalg.Matrix64>;
    const noise = { sigma: 0.7, sigmaDigital: 0.1, examples: 6 };
    const [optical, digital] = random.split(random.key(8)) as [random.Key, random.Key];
    const g = random.fillNormal(optical, new Float64Array(draws * m * k));
    const d = random.fillNormal(digital, new Float64Array(draws * (n + 1) * k));
    photonicMoments(layer, noise).forEach(({ mean, covariance }, unit) => {
      const updates = linalg.matrix(draws, n + 1);
      for (let draw = 0; draw < draws; draw++) {
        const update = linalg.rowOf(updates, draw);
        for (let i = 0; i < m; i++) {
          const received = layer.projections.data[i * k + unit]! + noise.sigma * g[(draw * m + i) * k + unit]!;
          const delta = layer.derivatives.data[i * k + unit]! * received;
          for (let a = 0; a <= n; a++) update[a]! += ((a < n ? layer.inputs.data[i * n + a]! : 1) * delta) / 6;
        }
        for (let a = 0; a <= n; a++) update[a]! += noise.sigmaDigital * d[(draw * (n + 1) + a) * k + unit]!;
      }
      const found = linalg.covariance(updates);
      const foundMean = linalg.meanOfRows(updates);
      for (let a = 0; a <= n; a++) {
        const deviation = Math.sqrt(covariance.data[a * (n + 2)]!);
        // Standard error of a mean: deviation / sqrt(20,000) = 0.7 %; five of them.
        expect(Math.abs(foundMean[a]! - mean[a]!)).toBeLessThan(0.036 * deviation);
        for (let b = 0; b <= a; b++) {
          // Standard error of a covariance: sqrt((S_aa S_bb + S_ab^2) / 20,000) <= sqrt(2 S_aa S_bb / 20,000), 1 %; five.
          const scale = deviation * Math.sqrt(covariance.data[b * (n + 2)]!);
          const error = found.data[a * (n + 1) + b]! - covariance.data[a * (n + 1) + b]!;
          expect(Math.abs(error)).toBeLessThan(0.05 * scale);
        }
      }
    });
  });
});

describe('photonicRdp', () => {
  it.each(
    NEIGHBOURS.flatMap(([relation, neighbour]) => MODELS.map((model) => [relation, ...model, neighbour] as const)),
  )('is that of the reference: %s, %s', (relation, model, options, neighbour) => {
    const found = photonicRdp(batch, neighbour, { sigma, orders, bias: false, ...options });
    expect(found.map(({ order }) => order)).toEqual(orders);
    const expected = (side: string): Float64Array => golden.get(`${relation}/${model}/${side}`).data;
    expect(found.map(({ forward }) => forward)).toBeAllclose(expected('fwd'), REFERENCE);
    expect(found.map(({ reverse }) => reverse)).toBeAllclose(expected('rev'), REFERENCE);
  });

  it('takes the full covariance unless told otherwise, and the diagonal one understates', () => {
    const full = photonicRdp(batch, primed, { sigma, orders, bias: false, covariance: 'full' });
    expect(photonicRdp(batch, primed, { sigma, orders, bias: false })).toEqual(full);
    const diagonal = photonicRdp(batch, primed, { sigma, orders, bias: false, covariance: 'diagonal' });
    const at = orders.findIndex((_, i) => full[i]!.forward === Infinity && diagonal[i]!.forward < 1);
    expect(at).toBeGreaterThanOrEqual(0);
  });

  it('is 0 for the same batch, and changes sides with the batches', () => {
    for (const { forward, reverse } of photonicRdp(batch, batch, { sigma, orders })) {
      expect([forward, reverse]).toEqual([0, 0]);
    }
    const options = { sigma, sigmaDigital: 0.3, orders: [1.5, 2] };
    const back = photonicRdp(primed, batch, options);
    photonicRdp(batch, primed, options).forEach(({ forward, reverse }, i) => {
      expect([back[i]!.reverse, back[i]!.forward]).toBeAllclose([forward, reverse], { rtol: 1e-8, atol: 0 });
    });
  });

  it('divides both batches by the same number: the larger it is, the less optical noise beside the digital', () => {
    const options = { sigma, sigmaDigital: 0.02, orders: [2] };
    const found = photonicRdp(batch, removed, options);
    expect(photonicRdp(batch, removed, { ...options, examples: 20 })).toEqual(found);
    expect(photonicRdp(batch, removed, { ...options, examples: 40 })[0]!.forward).toBeLessThan(found[0]!.forward);
    // Without digital noise the divisor is a unit of the update, which no divergence depends on.
    const pure = { sigma, orders: [2] };
    expect(photonicRdp(batch, relabelled, { ...pure, examples: 7 })[0]!.forward).toBeAllclose(
      photonicRdp(batch, relabelled, pure)[0]!.forward,
      ROUNDING,
    );
  });

  it('takes rows of arrays, a batch of one example, and none once that is left out', () => {
    const one = { inputs: [[1, 2]], derivatives: [[0.5]], projections: [[0.3]] };
    const none = { inputs: [], derivatives: [], projections: [] };
    const options = { sigma: 2, sigmaDigital: 1, bias: false, orders: [2] };
    // In the direction of h the variance is 1 + 2^2 0.5^2 |h|^2 = 6 against 1, and the mean 0.15 |h| against 0.
    const { forward, reverse } = photonicRdp(one, none, options)[0]!;
    expect(forward).toBe(Infinity);
    const mixed = 2 * 6 - 1;
    const squared = 0.15 ** 2 * 5;
    expect(reverse).toBeAllclose(squared / mixed - 0.5 * Math.log(mixed) + Math.log(6), ROUNDING);
  });

  it('counts a unit that is dead in both batches as nothing, and refuses one that dies', () => {
    const dead = batch.derivatives.data.map((value, at) => (at % 3 === 1 ? 0 : value));
    const own = { ...batch, derivatives: { ...batch.derivatives, data: dead } };
    const other = { ...own, projections: primed.projections };
    const of = (pick: (at: number) => boolean, matrix: linalg.Matrix64): linalg.Matrix64 =>
      linalg.matrix(
        20,
        2,
        Array.from(matrix.data).filter((_, at) => pick(at % 3)),
      );
    const alive = (unit: number): boolean => unit !== 1;
    const rest = { inputs: batch.inputs, derivatives: of(alive, batch.derivatives) };
    expect(photonicRdp(own, other, { sigma, orders })).toEqual(
      photonicRdp(
        { ...rest, projections: of(alive, batch.projections) },
        { ...rest, projections: of(alive, primed.projections) },
        { sigma, orders },
      ),
    );
    for (const covariance of ['full', 'diagonal'] as const) {
      expect(() => photonicRdp(batch, own, { sigma, orders, covariance })).toThrow(
        'opu-dfa.photonicRdp: the photonic covariance of unit 1 of neighbour must have rank 5, got 0. ' +
          'Of a photonic update: increase the batch or add digital noise.',
      );
    }
  });

  it('tells a dead unit from one whose projections are all 0', () => {
    const [alive, dead] = [1, 0].map((slope) => new Array<number[]>(20).fill([slope])) as [number[][], number[][]];
    const of = (derivatives: number[][]): PhotonicLayer => ({ ...batch, derivatives, projections: dead });
    for (const [first, second, name] of [
      [dead, alive, 'unit 0'],
      [alive, dead, 'unit 0 of neighbour'],
    ] as const) {
      expect(() => photonicRdp(of(first), of(second), { sigma, orders })).toThrow(`${name} must have rank 5, got 0.`);
    }
  });

  it('refuses fewer examples than inputs, unless there is digital noise', () => {
    const [small, other] = [layerOf(1, 3, 4, 2), layerOf(2, 3, 4, 2)];
    const make = (sigmaDigital: number) => photonicRdp(small, other, { sigma, sigmaDigital, orders: [1.01] });
    expect(() => make(0)).toThrow(RangeError);
    expect(() => make(0)).toThrow(
      'opu-dfa.photonicRdp: the photonic covariance of unit 0 must have rank 5, got 3. ' +
        'Of a photonic update: increase the batch or add digital noise.',
    );
    expect(make(2)[0]!.forward).toBeGreaterThan(0);
  });

  it.each<[string, string, () => unknown, string]>([
    [
      'no orders',
      'ShapeError',
      () => photonicRdp(batch, primed, { sigma, orders: [] }),
      'orders must be an array of at least one order, got [].',
    ],
    [
      'an order of 1',
      'RangeError',
      () => photonicRdp(batch, primed, { sigma, orders: [2, 1] }),
      'orders[1] must be a number > 1 and <= 65536, or Infinity, got 1.',
    ],
    [
      'no optical noise',
      'RangeError',
      () => photonicRdp(batch, primed, { sigma: 0, orders }),
      'sigma must be a finite number > 0, got 0.',
    ],
    [
      'negative digital noise',
      'RangeError',
      () => photonicRdp(batch, primed, { sigma, sigmaDigital: -1, orders }),
      'sigmaDigital must be a finite number >= 0, got -1.',
    ],
    [
      'no divisor',
      'RangeError',
      () => photonicRdp(batch, primed, { sigma, examples: 0, orders }),
      'examples must be a finite number > 0, got 0.',
    ],
    [
      'an unknown covariance',
      'RangeError',
      () => photonicRdp(batch, primed, { sigma, covariance: 'none' as never, orders }),
      'covariance must be one of "full", "diagonal", got "none".',
    ],
    [
      'no matrix',
      'TypeError',
      () => photonicRdp({ ...batch, inputs: null as never }, primed, { sigma, orders }),
      'batch.inputs must be a Matrix64 or an array of rows, got null.',
    ],
    [
      'no example',
      'ShapeError',
      () => photonicRdp({ inputs: [], derivatives: [], projections: [] }, primed, { sigma, orders }),
      'batch.inputs must have the shape [*, *], not empty, got [0, 0].',
    ],
    [
      'rows of other lengths',
      'ShapeError',
      () => photonicRdp({ ...batch, inputs: [[1, 2], [1]] }, primed, { sigma, orders }),
      'batch.inputs[1] must have 2 numbers as the first row, got [1].',
    ],
    [
      'other examples',
      'ShapeError',
      () => photonicRdp({ ...batch, derivatives: removed.derivatives }, primed, { sigma, orders }),
      'batch.derivatives must have the shape [20, *], not empty, got [19, 3].',
    ],
    [
      'other units',
      'ShapeError',
      () => photonicRdp({ ...batch, projections: batch.inputs }, primed, { sigma, orders }),
      'batch.projections must have the shape [20, 3], got [20, 4].',
    ],
    [
      'a neighbour of other inputs',
      'ShapeError',
      () => photonicRdp(batch, { ...primed, inputs: primed.projections }, { sigma, orders }),
      'neighbour.inputs must have the shape [*, 4], got [20, 3].',
    ],
    [
      'NaN',
      'RangeError',
      () => photonicRdp(batch, { ...primed, inputs: [[1, 2, 3, NaN]] }, { sigma, orders }),
      'neighbour.inputs[0, 3] must be finite, got NaN.',
    ],
  ])('refuses %s', (_, name, make, message) => {
    expect(make).toThrow(expect.objectContaining({ name }));
    expect(make).toThrow(`opu-dfa.photonicRdp: ${message}`);
  });
});

describe('labelPhotonicBound', () => {
  const [p, pPrime] = [batch, primed].map(({ projections }) => linalg.rowOf(projections, 0)) as [
    Float64Array,
    Float64Array,
  ];

  it('is that of the reference, and bounds the exact divergence both ways', () => {
    const bound = labelPhotonicBound({ projection: p, neighbour: pPrime }, { sigma, orders });
    expect(bound).toBeAllclose(golden.get('labelOnlyBound').data, REFERENCE);
    for (const bias of [true, false]) {
      photonicRdp(batch, relabelled, { sigma, orders, bias }).forEach(({ forward, reverse }, i) => {
        expect(forward).toBeLessThanOrEqual(bound[i]!);
        expect(reverse).toBeLessThanOrEqual(bound[i]!);
      });
    }
  });

  it('is reached by a batch of one example', () => {
    const of = (projections: number[][]): PhotonicLayer => ({ inputs: [[2]], derivatives: [[0.5]], projections });
    const { forward } = photonicRdp(of([[0.3]]), of([[-0.2]]), { sigma, bias: false, orders: [3] })[0]!;
    const bound = labelPhotonicBound({ projection: [0.3], neighbour: [-0.2] }, { sigma, orders: [3] });
    expect(forward).toBeAllclose(bound[0]!, ROUNDING);
  });

  it('takes 2 tauF for projections that are clipped to it, or the distance itself', () => {
    const options = { sigma: 0.5, orders: [1.5, 4] };
    const expected = [(1.5 * 9) / 0.5, (4 * 9) / 0.5];
    expect(labelPhotonicBound({ tauF: 1.5 }, options)).toBeAllclose(expected, ROUNDING);
    expect(labelPhotonicBound({ sensitivity: 3 }, options)).toBeAllclose(expected, ROUNDING);
    const always = { sigma: 0.5, orders: [2, Infinity] };
    expect(labelPhotonicBound({ sensitivity: 0 }, always)).toEqual(Float64Array.of(0, 0));
    expect(labelPhotonicBound({ sensitivity: 1 }, always)).toEqual(Float64Array.of(4, Infinity));
  });

  it('takes the largest distance of two classes from the feedback', () => {
    expect(
      feedbackSensitivity([
        [0, 0, 1],
        [3, 0, 1],
        [0, 4, 1],
        [1, 1, 1],
      ]),
    ).toBe(5);
    expect(feedbackSensitivity(linalg.matrix(1, 2, [7, 8]))).toBe(0);
  });

  it.each<[string, string, () => unknown, string]>([
    [
      'no noise',
      'RangeError',
      () => labelPhotonicBound({ tauF: 1 }, { sigma: 0, orders: [2] }),
      'labelPhotonicBound: sigma must be a finite number > 0, got 0.',
    ],
    [
      'no order',
      'TypeError',
      () => labelPhotonicBound({ tauF: 1 }, { sigma: 1, orders: 2 as never }),
      'labelPhotonicBound: orders must be an array of at least one order, got 2.',
    ],
    [
      'tauF of 0',
      'RangeError',
      () => labelPhotonicBound({ tauF: 0 }, { sigma: 1, orders: [2] }),
      'labelPhotonicBound: tauF must be a finite number > 0, got 0.',
    ],
    [
      'a negative distance',
      'RangeError',
      () => labelPhotonicBound({ sensitivity: -1 }, { sigma: 1, orders: [2] }),
      'labelPhotonicBound: sensitivity must be a finite number >= 0, got -1.',
    ],
    [
      'other lengths',
      'ShapeError',
      () => labelPhotonicBound({ projection: [1, 2], neighbour: [1] }, { sigma: 1, orders: [2] }),
      'labelPhotonicBound: neighbour must have 2 entries as projection, got 1.',
    ],
    [
      'NaN',
      'RangeError',
      () => labelPhotonicBound({ projection: [1], neighbour: [NaN] }, { sigma: 1, orders: [2] }),
      'labelPhotonicBound: ||projection - neighbour|| must be a finite number, got NaN.',
    ],
    [
      'another change',
      'TypeError',
      () => labelPhotonicBound({} as never, { sigma: 1, orders: [2] }),
      'labelPhotonicBound: change must be { projection, neighbour }, { tauF } or { sensitivity }, got an object.',
    ],
    [
      'a feedback that is not finite',
      'RangeError',
      () => feedbackSensitivity([[1], [Infinity]]),
      'feedbackSensitivity: feedback[1, 0] must be finite, got Infinity.',
    ],
  ])('refuses %s', (_, name, make, message) => {
    expect(make).toThrow(expect.objectContaining({ name }));
    expect(make).toThrow(`opu-dfa.${message}`);
  });
});
