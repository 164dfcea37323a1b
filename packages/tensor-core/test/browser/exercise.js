/** What every backend must do, run in the page and, for the expected values, in Node. All tensors are disposed. */
export async function exercise(tf, random) {
  // The GPU backends hand small tensors to the cpu, which would be what is tested then.
  const flags = { webgl: 'WEBGL_CPU_FORWARD', webgpu: 'WEBGPU_CPU_FORWARD' };
  const flag = flags[tf.getBackend()];
  if (flag !== undefined) tf.env().set(flag, false);
  const before = tf.memory().numTensors;
  const draw = (seed, shape) => random.normal(random.key(seed), shape);
  const values = async (tensor) => {
    const data = await tensor.data();
    tensor.dispose();
    return [...data];
  };

  const [x, target] = [draw(1, [64, 4]), draw(2, [64, 1])];
  const weights = tf.tidy(() => tf.variable(tf.zeros([4, 1])));
  const optimizer = tf.train.sgd(0.1);
  const losses = [];
  for (let step = 0; step < 5; step++) {
    const loss = optimizer.minimize(() => tf.losses.meanSquaredError(target, tf.matMul(x, weights)), true);
    losses.push(...(await values(loss)));
  }
  tf.dispose([x, target, weights]);
  optimizer.dispose();

  const gradients = {
    gather: await values(
      tf.tidy(() => {
        const indices = tf.tensor1d([3, 3, 0, 9, 3], 'int32');
        return tf.grad((table) => tf.gather(table, indices).square().sum())(draw(3, [10, 3]));
      }),
    ),
    depthwise: await Promise.all(
      tf
        .tidy(() => {
          const convolve = (image, filter) => tf.depthwiseConv2d(image, filter, 2, 'same').square().sum();
          return tf.grads(convolve)([draw(4, [1, 7, 6, 3]), draw(5, [3, 3, 3, 2])]);
        })
        .map(values),
    ),
    einsum: await values(
      tf.tidy(() =>
        tf.grad((a) =>
          tf
            .einsum('bij,jk->bik', a, draw(6, [4, 5]))
            .square()
            .sum(),
        )(draw(7, [2, 3, 4])),
      ),
    ),
  };
  // More than a shader of webgpu can read, and more than the square of that.
  const sums = [];
  for (const count of [7, 8, 20, 60]) {
    const sum = tf.tidy(() => tf.addN(Array.from({ length: count }, (_, i) => draw(i, [3]))));
    sums.push(...(await values(sum)));
  }
  const draws = await values(draw(0, [1000]));
  return { losses, gradients, sums, draws, epsilon: tf.backend().epsilon(), left: tf.memory().numTensors - before };
}
