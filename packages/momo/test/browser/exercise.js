/** Losses of 25 steps of every optimiser on a small regression, and what is left behind; run in the page and in Node. */
export async function exercise(tf, random, { momo, momoAdam, sps }) {
  // The GPU backends hand small tensors to the cpu, which would be what is tested then.
  const flag = { webgl: 'WEBGL_CPU_FORWARD', webgpu: 'WEBGPU_CPU_FORWARD' }[tf.getBackend()];
  if (flag !== undefined) tf.env().set(flag, false);
  const before = tf.memory().numTensors;
  const draw = (seed, shape) => random.normal(random.key(seed), shape);
  const [x, y] = [draw(1, [64, 4]), draw(2, [64, 1])];
  const optimizers = {
    momo: momo({ learningRate: 10, weightDecay: 0.01 }),
    momoStar: momo({ useFstar: true, biasCorrection: true, lowerBound: -1 }),
    momoAdam: momoAdam({ learningRate: 1 }),
    sps: sps({ learningRate: 0.05, weightDecay: 0.01, prox: false }),
  };
  const losses = {};
  for (const [name, optimizer] of Object.entries(optimizers)) {
    const w = tf.tidy(() => tf.variable(tf.ones([4, 1])));
    losses[name] = [];
    for (let step = 0; step < 25; step++) {
      optimizer.minimize(() => tf.losses.meanSquaredError(y, tf.matMul(x, w)), false, [w]);
      losses[name].push((await optimizer.readLastStep()).loss);
    }
    const poisoned = optimizer.minimize.bind(optimizer, () => tf.mul(tf.sum(w), NaN), false, [w]);
    const refused = await Promise.resolve()
      .then(() => poisoned())
      .then(() => optimizer.readLastStep())
      .then(
        () => 'nothing',
        (error) => error.name,
      );
    losses[name].push(refused, (await w.data()).every(Number.isFinite));
    optimizer.dispose();
    w.dispose();
  }
  tf.dispose([x, y]);
  return { losses, left: tf.memory().numTensors - before };
}
