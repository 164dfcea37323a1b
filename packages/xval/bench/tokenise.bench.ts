import { Tokenizer } from '@huggingface/tokenizers';
import { interleaved, report } from '@tfsci/tooling/bench';
import { ENCODINGS, extract, NumberTokenizer, type EncodingName } from '@tfsci/xval';

// Megabytes a second of JSON full of numbers, 17 digits each, by every encoding: 1, 10 and 100 MB; beside HuggingFace's library
// in JavaScript, which is given the text with [NUM] in the place of its numbers and so has less to do.

/** Planets that go round, in the authors' format, of about this many characters. */
function planets(size: number): string {
  const lines: string[] = [];
  let length = 0;
  for (let n = 0; length < size; n++) {
    const orbit = (t: number): string => `[${Math.cos(t + n) * 1.7},${Math.sin(t + n) * 1.7}]`;
    const rows = Array.from({ length: 50 }, (_, t) => `[${orbit(t / 7)},${orbit(t / 3)}]`).join(',');
    const line = `{'description':{'planet0':{'m':${1 + Math.sin(n)},'a':1.5,'e':${Math.abs(Math.cos(n))}},'stepsize':0.41},'data':[${rows}]}`;
    lines.push(line);
    length += line.length + 1;
  }
  return lines.join('\n');
}

const KEYS = ['description', 'planet0', 'm', 'a', 'e', 'stepsize', 'data'];
const tokenizers = ENCODINGS.map((encoding): [EncodingName, NumberTokenizer] => [
  encoding,
  NumberTokenizer.build({ encoding, keys: KEYS, outOfRange: 'clip' }),
]);
const theirs = new Tokenizer(NumberTokenizer.build({ keys: KEYS }).toJSON(), {});
const rows = [];
for (const megabytes of [1, 10, 100]) {
  const text = planets(megabytes * 1e6);
  const size = text.length / 1e6;
  const candidates: Record<string, () => void> = Object.fromEntries(
    tokenizers.map(([name, tokenizer]) => [name, () => void tokenizer.encode(text)]),
  );
  if (megabytes <= 10) {
    const { text: between } = extract(text);
    candidates['huggingface'] = () => void theirs.encode(between);
  }
  const times = await interleaved<string>(candidates, { rounds: megabytes > 10 ? 3 : 7, warmUp: 1 });
  for (const [name, milliseconds] of Object.entries(times)) {
    rows.push({ case: `${megabytes} MB, ${name}`, ms: milliseconds, 'MB/s': size / (milliseconds / 1000) });
  }
}
report('tokenise', rows);
