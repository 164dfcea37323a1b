import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, finiteDifferences, loadGolden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { slicedWasserstein } from '../src';
import { meanAbsoluteCosine } from '../src/adaptive/mean-cosine';
import { NetworkSlices } from '../src/adaptive/network-slices';
import { SliceDiscriminator } from '../src/adaptive/slice-discriminator';

/** The stated tolerances of float32 networks against float32 networks of PyTorch. */
const VALUE = 2e-5;
const GRADIENT = 2e-4;
/** Norms of rows that are divided by them in float32. */
const UNIT = 1e-6;
/** Central differences of float32 losses of size 1 with steps of 1e-2: 1e-7 / 1e-2 of rounding, 1e-4 of curvature. */
const DIFFERENCES = 2e-3;

const golden = loadGolden(new URL('golden/dsw_nets.safetensors', import.meta.url));
const LAMBDA = Number(golden.metadata['lambda_dsw']);

function tensor(name: string): tf.Tensor2D {
  const { data, shape } = golden.get(name);
  return tf.tensor2d(Float32Array.from(data), shape as [number, number]);
}

/** The tensors whose names begin with `prefix.`, without it, as the readers of files give them. */
function entries(prefix: string): Record<string, { dtype: 'F32'; shape: number[]; data: Float32Array }> {
  const names = golden.names.filter((name) => name.startsWith(`${prefix}.`));
  return Object.fromEntries(
    names.map((name) => {
      const { data, shape } = golden.get(name);
      return [name.slice(prefix.length + 1), { dtype: 'F32', shape, data: Float32Array.from(data) }];
    }),
  );
}

function ofAuthors(): { network: NetworkSlices; discriminator: SliceDiscriminator } {
  const network = NetworkSlices.create(6, null);
  network.loadStateDict(entries('transform'));
  const discriminator = SliceDiscriminator.create(6, null);
  discriminator.loadStateDict(entries('discriminator'));
  return { network, discriminator };
}

describe.each(backendsUnderTest())('networks of the authors on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('NetworkSlices has their slices, distance, spread, loss and gradients', () => {
    const { network, discriminator } = ofAuthors();
    tf.tidy(() => {
      const [x, y, pro] = [tensor('x'), tensor('y'), tensor('pro')];
      const thetas = network.transform(pro);
      expect(thetas).toBeAllclose(tensor('thetas'), { rtol: VALUE, atol: VALUE });
      const loss = (): tf.Scalar => {
        const slices = network.transform(pro);
        const distance = slicedWasserstein(x, y, { p: 2, slices, root: false });
        return meanAbsoluteCosine(slices).mul(LAMBDA).sub<tf.Scalar>(distance);
      };
      const distance = slicedWasserstein(x, y, { p: 2, slices: thetas, root: false });
      expect(distance).toBeAllclose(golden.get('sw2sq').data[0]!, { rtol: VALUE });
      expect(meanAbsoluteCosine(thetas)).toBeAllclose(golden.get('cos_reg').data[0]!, { rtol: VALUE });
      const { value, grads } = tf.variableGrads(loss, network.trainableVariables());
      expect(value).toBeAllclose(golden.get('dsw_loss').data[0]!, { rtol: VALUE });
      for (const [name, variable] of network.namedParameters()) {
        const expected = golden.get(`grad.dsw.transform.${name}`);
        expect(grads[variable.name]!.shape).toEqual(expected.shape);
        const largest = expected.data.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0);
        expect(grads[variable.name]!.dataSync()).toBeAllclose(expected.data, { rtol: 0, atol: GRADIENT * largest });
      }
    });
    network.dispose();
    discriminator.dispose();
  });

  it('SliceDiscriminator has their logits, loss and estimate of KL', () => {
    const { network, discriminator } = ofAuthors();
    tf.tidy(() => {
      const [thetas, prior] = [tensor('thetas'), tensor('prior')];
      expect(discriminator.forward(thetas)).toBeAllclose(tensor('disc_out_theta'), { rtol: VALUE, atol: VALUE });
      expect(discriminator.forward(prior)).toBeAllclose(tensor('disc_out_prior'), { rtol: VALUE, atol: VALUE });
      expect(discriminator.loss(thetas, prior)).toBeAllclose(golden.get('disc_loss').data[0]!, { rtol: VALUE });
      const estimate = golden.get('kl_estimate').data[0]!;
      expect(discriminator.klEstimate(thetas)).toBeAllclose(estimate, { rtol: VALUE, atol: VALUE });
    });
    network.dispose();
    discriminator.dispose();
  });

  it('gives unit rows that are differentiable in what they are made of', () => {
    const network = NetworkSlices.create(3, random.key(1));
    const base = tf.tensor2d([
      [1, 0, 0],
      [0.6, 0, -0.8],
    ]);
    const coefficients = tf.tensor2d([
      [1, -2, 0.5],
      [0.3, 1, 2],
    ]);
    tf.tidy(() => {
      const norms = network.sample(50, random.key(2)).square().sum(1).sqrt();
      expect(norms.dataSync()).toBeAllclose(new Float32Array(50).fill(1), { rtol: 0, atol: UNIT });
      const loss = (u: tf.Tensor): tf.Scalar => network.transform(u as tf.Tensor2D).mul(coefficients).sum(); // prettier-ignore
      const expected = finiteDifferences(
        (point) => tf.tidy(() => loss(tf.tensor2d(Float32Array.from(point), [2, 3])).dataSync()[0]!),
        base.dataSync(),
        1e-2,
      );
      expect(tf.grad(loss)(base).dataSync()).toBeAllclose(expected, { rtol: 0, atol: DIFFERENCES });
    });
    network.dispose();
    tf.dispose([base, coefficients]);
  });
});

describe('NetworkSlices', () => {
  beforeAll(() => useBackend('cpu'));

  it('starts from the weights of PyTorch: uniform within 1 / sqrt(d), all different', () => {
    const network = NetworkSlices.create(16, random.key(0));
    const seen = new Set<number>();
    for (const [name, variable] of network.namedParameters()) {
      expect(name).toMatch(/^net\.[024]\.(weight|bias)$/);
      const values = Float32Array.from(variable.dataSync());
      values.forEach((value) => seen.add(value));
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(largest).toBeLessThanOrEqual(0.25);
      // The largest of n uniform numbers is below 0.6 of the bound with probability 0.6^16 < 3e-4.
      expect(largest).toBeGreaterThan(0.15);
    }
    // 816 draws of 24 bits: about 816^2 / 2^25 = 0.02 of them are expected to agree.
    expect(seen.size).toBeGreaterThan(812);
    network.dispose();
  });

  it('draws the same slices with the same key and weights, through a state dict too', () => {
    const network = new NetworkSlices(4, { key: random.key(5) });
    const other = NetworkSlices.create(4, null);
    const state = network.stateDict();
    other.loadStateDict(state);
    const sample = (of: NetworkSlices, seed: number): ArrayLike<number> =>
      tf.tidy(() => of.sample(7, random.key(seed)).dataSync());
    expect(sample(other, 1)).toEqual(sample(network, 1));
    expect(sample(other, 2)).not.toEqual(sample(network, 1));
    tf.dispose(state);
    network.dispose();
    other.dispose();
  });

  it('is a sampler of sliced distances', () => {
    const network = NetworkSlices.create(3, random.key(3));
    tf.tidy(() => {
      const x = random.normal(random.key(1), [10, 3]) as tf.Tensor2D;
      const y = random.normal(random.key(2), [12, 3]) as tf.Tensor2D;
      const drawn = slicedWasserstein(x, y, { sampler: network, slices: 9, key: random.key(4) });
      const given = slicedWasserstein(x, y, { slices: network.sample(9, random.key(4)) });
      expect(drawn.dataSync()).toEqual(given.dataSync());
    });
    network.dispose();
  });

  it('leaks nothing', () => {
    const base = tf.tensor2d([[1, 0]]);
    expect(() => {
      const network = NetworkSlices.create(2, random.key(0));
      const discriminator = SliceDiscriminator.create(2, random.key(0));
      const results = [network.sample(3, random.key(1)), network.transform(base)];
      const judged = [discriminator.forward(base), discriminator.loss(base, base), discriminator.klEstimate(base)];
      network.dispose();
      discriminator.dispose();
      return [...results, ...judged];
    }).toLeakNothing();
    base.dispose();
  });

  it('refuses what is no dimension, number or slices', () => {
    const where = 'sliced-wasserstein.NetworkSlices';
    expect(() => NetworkSlices.create(0, null)).toThrow(`${where}: dim must be an integer >= 1, got 0.`);
    expect(() => NetworkSlices.create('3' as never, null)).toThrow(TypeError);
    const network = NetworkSlices.create(3, random.key(0));
    expect(() => network.sample(0, random.key(0))).toThrow(`${where}.sample: count must be an integer >= 1, got 0.`);
    const wide = tf.ones<tf.Rank.R2>([2, 4]);
    const message = 'must have shape [*, 3], got a float32 tensor of shape [2, 4].';
    expect(() => network.transform(wide)).toThrow(check.ShapeError);
    expect(() => network.transform(wide)).toThrow(`${where}.transform: base ${message}`);
    const discriminator = SliceDiscriminator.create(3, random.key(0));
    expect(() => discriminator.forward(wide)).toThrow(check.ShapeError);
    expect(() => discriminator.forward(wide)).toThrow(
      `sliced-wasserstein.SliceDiscriminator.forward: theta ${message}`,
    );
    expect(() => discriminator.loss([[1]] as never, wide)).toThrow(TypeError);
    expect(() => SliceDiscriminator.create(1.5, null)).toThrow(
      'sliced-wasserstein.SliceDiscriminator: dim must be an integer >= 1, got 1.5.',
    );
    network.dispose();
    discriminator.dispose();
    wide.dispose();
  });
});

describe('SliceDiscriminator', () => {
  beforeAll(() => useBackend('cpu'));

  it('has the loss 2 log 2 and the estimate 0 with weights 0, and no infinite loss', () => {
    const discriminator = SliceDiscriminator.create(2, null);
    const theta = tf.tensor2d([[1, 0]]);
    tf.tidy(() => {
      expect(discriminator.loss(theta, theta)).toBeAllclose(2 * Math.log(2), { rtol: 1e-6 });
      expect(discriminator.klEstimate(theta)).toBeAllclose(0);
      const [, bias] = discriminator.namedParameters().at(-1)!;
      bias.assign(tf.tensor1d([200]));
      // softplus(-200) + softplus(200); log(1 - sigmoid(200)) would be -Infinity in float32.
      expect(discriminator.loss(theta, theta)).toBeAllclose(200, { rtol: 1e-6 });
    });
    discriminator.dispose();
    theta.dispose();
  });
});

describe('meanAbsoluteCosine', () => {
  beforeAll(() => useBackend('cpu'));

  it('is the mean over all pairs', () => {
    tf.tidy(() => {
      const slices = tf.tensor2d([
        [1, 0],
        [0, 1],
        [-0.6, 0.8],
      ]);
      expect(meanAbsoluteCosine(slices)).toBeAllclose((3 + 2 * (0 + 0.6 + 0.8)) / 9, { rtol: 1e-6 });
    });
  });
});
