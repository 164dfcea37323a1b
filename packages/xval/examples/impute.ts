import '@tfsci/backend-onnx';
import { metrics, optim, random, useBackend } from '@tfsci/tensor-core';
import {
  conformalIntervals,
  extractKeys,
  fitFieldScalers,
  Numformer,
  NumberTokenizer,
  predictMasked,
  predictNumbers,
  readCsv,
  recordToText,
  scaleFields,
  trainNumformer,
  type DataRecord,
  type Sample,
} from '@tfsci/xval';

// A table with holes: a model learns to fill any of its cells, with intervals that hold the truth in 9 of 10 cases.
// Run: pnpm examples

await useBackend('auto');

// A gas: pressure in pascal, volume in cubic metres, temperature in kelvin of one mole, and 1 % of noise.
const count = 3000;
const draws = random.fillUniform(random.key(0), new Float64Array(3 * count));
const lines = Array.from({ length: count }, (_, i) => {
  const [u, v, noise] = draws.subarray(3 * i, 3 * i + 3) as unknown as [number, number, number];
  const [volume, temperature] = [0.01 + 0.02 * u, 250 + 150 * v];
  const pressure = ((8.314 * temperature) / volume) * (1 + 0.02 * (noise - 0.5));
  return [pressure.toFixed(0), volume.toFixed(5), temperature.toFixed(1)].join(',');
});
const records = readCsv(['pressure,volume,temperature', ...lines].join('\n'));

// Quantities of such different sizes each get a scaler of their own.
const scalers = fitFieldScalers(records, { target: 2 });
const tokenizer = NumberTokenizer.build({ keys: extractKeys(records[0]!) });
const encode = (record: DataRecord): Sample =>
  tokenizer.encode(recordToText(scaleFields(record, scalers), { figures: 6, missing: 'mask' }));
const samples = records.map(encode);
const [training, calibration, fresh] = [samples.slice(0, 2400), samples.slice(2400, 2700), samples.slice(2700)];

const { vocabSize, maskId, padId } = tokenizer;
const size = { width: 32, heads: 4, layers: 2, feedForward: 64, context: 16, dropout: 0 };
const model = Numformer.create({ ...size, vocabSize }, 1);
const optimizer = new optim.AdamW({ learningRate: optim.cosine({ base: 3e-3, warmup: 50, steps: 1500 }) });
const key = random.key(2);
await trainNumformer(model, { samples: training, maskId, padId, optimizer, batchSize: 64, steps: 1500, key });

const known = await predictNumbers(model, calibration, { maskId });
const asked = await predictNumbers(model, fresh, { maskId });
for (const [field, name] of ['pressure', 'volume', 'temperature'].entries()) {
  // The numbers of each record come in the order of its keys.
  const of = (values: Float64Array): Float64Array => values.filter((_, i) => i % 3 === field);
  const [truth, prediction] = [of(asked.truth), of(asked.prediction)];
  const intervals = conformalIntervals({ truth: of(known.truth), prediction: of(known.prediction) });
  const { low, high } = intervals.around(prediction);
  const covered = truth.filter((value, i) => low[i]! <= value && value <= high[i]!).length / truth.length;
  const { r2 } = metrics.regressionScores(prediction, truth);
  const toUnits = scalers[name]!.inverse([0, intervals.radius]);
  const radius = (toUnits[1]! - toUnits[0]!).toPrecision(2);
  console.log(`${name}: R2 ${r2.toFixed(3)}, 90 % intervals of +-${radius} hold ${(100 * covered).toFixed(0)} %`);
}

const hole = encode({ pressure: null, volume: 0.02, temperature: 300 });
const position = Array.from(hole.ids).indexOf(maskId);
const [answer] = await predictMasked(model, hole, [position], { maskId });
const pressure = scalers['pressure']!.inverse([answer!.value!])[0]!;
console.log(`0.02 m3 at 300 K: ${pressure.toPrecision(3)} Pa, by the law ${((8.314 * 300) / 0.02).toPrecision(3)} Pa`);
model.dispose();
optimizer.dispose();
