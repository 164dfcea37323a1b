/** Outputs, gradients, training and interpretation, and what is left behind; run in the page and in Node. */
export async function exercise(tf, { optim, random }, counting) {
  // The GPU backends hand small tensors to the cpu, which would be what is tested then.
  const flag = { webgl: 'WEBGL_CPU_FORWARD', webgpu: 'WEBGPU_CPU_FORWARD' }[tf.getBackend()];
  if (flag !== undefined) tf.env().set(flag, false);
  const before = tf.memory().numTensors;
  const results = {};
  const samples = counting.sampleTask(random.key(0), 6, { length: 24, regions: 2 });
  for (const positions of [{ kind: 'none' }, { kind: 'rope' }, { kind: 'alibi' }]) {
    const model = counting.CountingTransformer.create(
      { regions: 2, maxCount: 12, width: 16, feedForward: 32, heads: 2, positions },
      1,
    );
    const { hidden, logits } = await counting.capture(model, samples, { names: ['hidden', 'logits'] });
    results[`${positions.kind}, hidden`] = [...hidden.data];
    results[`${positions.kind}, logits`] = [...logits.data];
    const tokens = tf.tensor2d(samples.tokens, [samples.batch, samples.length], 'int32');
    const counts = tf.tensor2d(samples.counts, [samples.batch, samples.regions], 'int32');
    const { value, grads } = tf.variableGrads(() => counting.countingLoss(model.forward(tokens), counts));
    results[`${positions.kind}, loss`] = [...(await value.data())];
    for (const [name, variable] of model.namedParameters()) {
      results[`${positions.kind}, gradient of ${name}`] = [...(await grads[variable.name].data())];
    }
    tf.dispose([tokens, counts, value, grads]);
    if (positions.kind === 'none') {
      const optimizer = new optim.AdamW({ learningRate: 3e-3 });
      const task = { length: 24, regions: 2 };
      const run = { task, steps: 6, batchSize: 8, key: 1, optimizer, logEvery: 1 };
      const { history } = await counting.trainCounting(model, run);
      results.losses = history.map(({ values }) => values.loss);
      optimizer.dispose();
    }
    model.dispose();
  }
  const circuit = counting.buildCountingCircuit('start', { regions: 2, maxCount: 24 });
  const { prediction } = await counting.evaluateCounting(circuit, { length: 24, regions: 2 }, { sequences: 40 });
  results.circuit = [...prediction];
  const [{ effective }] = await counting.identifyBias(circuit, samples);
  results.bias = [effective];
  circuit.dispose();
  return { results, left: tf.memory().numTensors - before };
}
