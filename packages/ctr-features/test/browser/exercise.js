/** Features, rows and gradients of every kind of map, and what is left behind; run in the page and in Node. */
export async function exercise(tf, random, maps) {
  // The GPU backends hand small tensors to the cpu, which would be what is tested then.
  const flag = { webgl: 'WEBGL_CPU_FORWARD', webgpu: 'WEBGPU_CPU_FORWARD' }[tf.getBackend()];
  if (flag !== undefined) tf.env().set(flag, false);
  const before = tf.memory().numTensors;
  const shape = { inputDim: 9, features: 24, degree: 3, gamma: 0.5, coef0: 0.5, key: 5 };
  const up = new maps.PolynomialSketch({ ...shape, features: 64 });
  const made = {
    srht: new maps.PolynomialSketch(shape),
    gaussian: new maps.PolynomialSketch({ ...shape, projection: 'gaussian', mode: 'real' }),
    tree: new maps.HierarchicalSketch(shape),
    tensor: new maps.TensorSketch(shape),
    craft: new maps.CraftSketch({ up, features: 24, key: 6 }),
  };
  const x = random.normal(random.key(1), [7, 9]);
  const results = {};
  for (const [name, map] of Object.entries(made)) {
    const loss = (points) => map.transform(points).square().sum();
    const [phi, gradient] = tf.tidy(() => [map.transform(x), tf.grad(loss)(x)]);
    const rows = await map.transformRows({ data: await x.data(), shape: [7, 9] }, { blockRows: 3 });
    results[name] = { phi: [...(await phi.data())], gradient: [...(await gradient.data())], rows: [...rows.data] };
    tf.dispose([phi, gradient]);
    map.dispose();
  }
  x.dispose();
  return { results, left: tf.memory().numTensors - before };
}
