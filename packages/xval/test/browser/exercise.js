/** Outputs, gradients, training of a Numformer, and what is left behind; run in the page and in Node. */
export async function exercise(tf, { optim, random }, xval) {
  // The GPU backends hand small tensors to the cpu, which would be what is tested then.
  const flag = { webgl: 'WEBGL_CPU_FORWARD', webgpu: 'WEBGPU_CPU_FORWARD' }[tf.getBackend()];
  if (flag !== undefined) tf.env().set(flag, false);
  const before = tf.memory().numTensors;
  const results = {};
  const keep = async (name, tensor) => {
    results[name] = [...(await tensor.data())];
    tensor.dispose();
  };
  const size = { vocabSize: 8, width: 32, heads: 4, layers: 2, feedForward: 64, context: 6, dropout: 0 };
  const model = xval.Numformer.create(size, 0);
  const samples = Array.from({ length: 24 }, (_, i) => {
    const [a, b] = [Math.sin(3 * i), Math.cos(2 * i)];
    return { ids: [3, 5, 3, 4, 3], numbers: [a, 1, b, 1, a + b], mask: [0, 0, 0, 0, 1] };
  });
  const ids = { padId: 2, maskId: 1 };
  const batch = xval.collate(samples, { ...ids, numberId: 3 });
  const { padding } = batch;

  const { logits, numbers } = model.forward(batch.x, batch.xNumbers, { padding });
  await keep('logits', logits);
  await keep('numbers', numbers);
  const { value, grads } = tf.variableGrads(() => xval.batchLoss(model, batch).loss, model.trainableVariables());
  await keep('loss', value);
  for (const [name, variable] of model.namedParameters()) await keep(`gradient of ${name}`, grads[variable.name]);
  tf.dispose(batch);

  const optimizer = new optim.AdamW({ learningRate: 3e-3 });
  const { history } = await xval.trainNumformer(model, {
    ...ids,
    samples,
    batchSize: 12,
    epochs: 4,
    key: random.key(1),
    optimizer,
    logEvery: 1,
  });
  results.losses = history.map(({ values }) => values.loss);
  const bytes = await xval.saveNumformer(model);
  const again = xval.loadNumformer(bytes);
  results.saved = [Number((await xval.saveNumformer(again)).every((byte, i) => byte === bytes[i]))];
  again.dispose();
  optimizer.dispose();
  model.dispose();
  return { results, left: tf.memory().numTensors - before };
}
