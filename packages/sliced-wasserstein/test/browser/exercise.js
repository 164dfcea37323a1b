/** Distances and gradients by every plan, learned slices, and what is left behind; run in the page and in Node. */
export async function exercise(tf, random, sliced) {
  // The GPU backends hand small tensors to the cpu, which would be what is tested then.
  const flag = { webgl: 'WEBGL_CPU_FORWARD', webgpu: 'WEBGPU_CPU_FORWARD' }[tf.getBackend()];
  if (flag !== undefined) tf.env().set(flag, false);
  const before = tf.memory().numTensors;
  const [one, two, three] = random.split(random.key(1), 3);
  const x = random.normal(one, [40, 3]);
  const y = tf.tidy(() => random.normal(two, [40, 3]).add([0.5, 0, 0]));
  const few = tf.slice(y, [0, 0], [25, 3]);
  const weights = { a: Array.from({ length: 40 }, (_, i) => i % 4), b: Array.from({ length: 25 }, (_, i) => 1 + i) };
  const options = { slices: 32, key: three, root: false };
  const results = {};

  const distances = {
    equal: (cloud) => sliced.slicedWasserstein(x, cloud, options),
    unequal: (cloud) => sliced.slicedWasserstein(x, tf.slice(cloud, [0, 0], [25, 3]), { ...options, p: 1 }),
    weighted: (cloud) => sliced.slicedWasserstein(x, tf.slice(cloud, [0, 0], [25, 3]), { ...options, p: 3, weights }),
    orthogonal: (cloud) => sliced.slicedWasserstein(x, cloud, { ...options, sampler: 'orthogonal' }),
    spread: (cloud) => sliced.slicedWasserstein(x, cloud, { ...options, sampler: 'qmc', normalise: 'standard' }),
  };
  for (const [name, distance] of Object.entries(distances)) {
    const [value, gradient] = tf.tidy(() => [distance(y), tf.grad(distance)(y)]);
    results[name] = { value: [...(await value.data())], gradient: [...(await gradient.data())] };
    tf.dispose([value, gradient]);
  }
  const detailed = await sliced.slicedWassersteinDetailed(x, few, { slices: 16, key: three });
  results.detailed = { value: [detailed.value, detailed.standardError], perSlice: [...detailed.perSlice] };
  const most = await sliced.maxSlicedWasserstein(x, y, { key: three });
  results.max = { value: [most.value] };
  const fit = await sliced.fitAdaptiveSlices(x, y, { slices: 32, iterations: 5, mu: [1, 1, 0], key: three });
  results.adaptive = { value: [fit.kl, fit.trainValue] };
  tf.dispose([x, y, few]);
  return { results, left: tf.memory().numTensors - before };
}
