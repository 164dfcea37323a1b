/** Gradients, simulated light, training, private training and what it costs, and what is left behind; run in the page and in Node. */
export async function exercise(tf, { optim, random }, opuDfa) {
  // The GPU backends hand small tensors to the cpu, which would be what is tested then.
  const flag = { webgl: 'WEBGL_CPU_FORWARD', webgpu: 'WEBGPU_CPU_FORWARD' }[tf.getBackend()];
  if (flag !== undefined) tf.env().set(flag, false);
  const before = tf.memory().numTensors;
  const results = {};
  const keep = async (name, tensor) => {
    results[name] = [...(await tensor.data())];
    tensor.dispose();
  };
  const x = random.normal(random.key(1), [60, 5]);
  const y = tf.tidy(() => x.square().sum(1).div(4).floor().clipByValue(0, 2).toInt());
  const network = (feedback) => opuDfa.denseNetwork({ inputs: 5, hidden: [16, 12], outputs: 3, feedback, key: 0 });

  const modes = { bp: {}, dfa: {}, ternary: { threshold: 0.25, sigma: 0.1, key: random.key(2) } };
  for (const [mode, options] of Object.entries(modes)) {
    const net = network('independent');
    const { loss, gradients } = net.gradients(x, y, { mode, ...options });
    await keep(`${mode}: loss`, loss);
    for (const [name, gradient] of Object.entries(gradients)) await keep(`${mode}: ${name}`, gradient);
    net.dispose();
  }

  const frames = { inputs: 3, outputs: 32, key: 3, gain: 2, shotNoise: true, bits: 8 };
  const opu = new opuDfa.OpuSimulator(frames);
  const net = network(opuDfa.simulatedFeedback(opu));
  const optimizer = new optim.Sgd({ learningRate: 0.05, momentum: 0.9 });
  await opuDfa.trainNetwork(net, { x, y, optimizer, update: { mode: 'ternary' }, batchSize: 20, epochs: 2, key: 4 });
  results.light = Object.values(await opuDfa.evaluateNetwork(net, { x, y })).filter(Number.isFinite);
  optimizer.dispose();
  net.dispose();
  opu.dispose();

  const target = { epsilon: 3, delta: 1e-5, samplingRate: 0.2 };
  const noiseMultiplier = opuDfa.calibrateNoise({ ...target, steps: 5 });
  const budget = new opuDfa.PrivacyBudget({ ...target, accountant: new opuDfa.PldAccountant() });
  const secret = network('independent');
  const plain = new optim.Sgd({ learningRate: 0.1 });
  const trainer = new opuDfa.PrivateTrainer({
    network: secret,
    budget,
    optimizer: plain,
    clip: 1,
    samplingRate: target.samplingRate,
    noiseMultiplier,
    noise: { key: 5 },
  });
  const { status, steps, privacy } = await trainer.fit({ x, y, steps: 9, key: 6 });
  results.privacy = [noiseMultiplier, steps, privacy.epsilon, Number(status === 'exhausted')];
  results.private = Object.values(await opuDfa.evaluateNetwork(secret, { x, y })).filter(Number.isFinite);
  secret.dispose();
  plain.dispose();
  tf.dispose([x, y]);
  return { results, left: tf.memory().numTensors - before };
}
