import { random } from '@tfsci/tensor-core';
import { ENCODINGS, NumberTokenizer, planetKeys, planetSample, planetText } from '@tfsci/xval';

// A planetary system as text, and how many tokens each encoding makes of it. Run: pnpm examples

const sample = planetSample(random.key(4), { planets: [2, 2], duration: [15, 15], steps: [30, 30] });
const text = planetText(sample, { decimals: 3 });
console.log(`${text.slice(0, 120)}...`);
for (const encoding of ENCODINGS) {
  const tokenizer = NumberTokenizer.build({ encoding, keys: planetKeys(), outOfRange: 'clip' });
  const { ids } = tokenizer.encode(text);
  const words = [...ids.subarray(0, 12)].map((id) => tokenizer.token(id)).join(' ');
  console.log(`${encoding}: ${ids.length} tokens of ${tokenizer.vocabSize}, from ${words} ...`);
}
console.log(`${sample.data.length} times, ${sample.stepsize.toFixed(3)} apart`);
