// B continuations, L tokens, V vocabulary.
import * as tf from '@tensorflow/tfjs';
import { check, random, scope } from '@tfsci/tensor-core';
import { padSamples, type Sample } from '../batches/padded';
import type { Numformer } from '../model/numformer';
import { inText, type InvertibleMap } from './masked-rows';
import { ask, checkModel } from './model-programs';

const { argumentMessage, checkNumber } = check;

/** Options of `generate`. */
export interface GenerateOptions {
  /** Tokens that are added at most; default as many as the context has room for. */
  maxTokens?: number;
  /** The token after which a text ends; default none. */
  endId?: number;
  /** Whether a text, prefix included, is at its end. */
  until?: (ids: readonly number[]) => boolean;
  /** How many continuations, default 1. */
  count?: number;
  /** T of the draws, p ~ exp(logits / T); default 0, the most probable token. */
  temperature?: number;
  /** Draws from so many most probable tokens; default all. */
  topK?: number;
  /** For the draws, needed unless the temperature is 0. */
  key?: random.KeyOrSeed;
  /** Values as the model reads them, and back; default as the texts have them. */
  scaler?: InvertibleMap;
  /** Told of each token as it comes. */
  onToken?: (token: GeneratedToken) => void;
  signal?: AbortSignal;
}

/** A token that was added. */
export interface GeneratedToken {
  /** Which continuation it belongs to. */
  index: number;
  id: number;
  /** In the units of the text; 1 unless the token is [NUM]. */
  number: number;
}

/** A text with its continuation; `decode` of a tokenizer makes a string of it. */
export interface Generated {
  /** Prefix and continuation, [L]. */
  ids: Int32Array;
  /** Values in the units of the text, 1 at all that is no number, [L]. */
  numbers: Float64Array;
  /** Log probability of the continuation's tokens, at a temperature of 1. */
  logProbability: number;
  /** Whether it came to its end, by endId or until, before there was no more room. */
  finished: boolean;
}

/** Texts are read in lengths that are multiples of this, so that little is compiled. */
const STRIDE = 64;

/**
 * Continues a text by a causal model, token by token; values of numbers are read back as they were said.
 *
 *   id_{t+1} ~ softmax(logits_t / T),  num_{t+1} = nu_t where id_{t+1} = [NUM]
 *
 * @param model   a causal one
 * @param prefix  a tokenised text of at least one token
 * @throws TypeError for another model or draws without a key; RangeError for a prefix that is empty or leaves no room, bad
 *   options, and where answers are not finite; the signal's reason
 * @see Golkar et al., 2023, sec. 2, arXiv:2310.02989
 * @remarks Each token costs a pass over the whole text.
 * @example
 * const [text] = await generate(model, tokenizer.encode("{'force':3,"), { endId: tokenizer.endId, scaler });
 * tokenizer.decode(text.ids, text.numbers);
 */
export async function generate(model: Numformer, prefix: Sample, options: GenerateOptions = {}): Promise<Generated[]> {
  const where = 'xval.generate';
  const { context, numberId, vocabSize } = checkModel(where, model, { causal: true }).config;
  const { scaler, endId, until, onToken, signal } = options;
  const { count, temperature, topK, key } = drawing(where, options, vocabSize);
  if (endId !== undefined) checkNumber(where, 'endId', endId, { min: 0, below: vocabSize, integer: true });
  if (prefix.ids.length === 0) throw new RangeError(argumentMessage(where, 'prefix', 'have at least one token', 0));
  const mapped = scaler === undefined ? {} : { scaler };
  const read = padSamples(where, [prefix], { padId: 0, numberId, vocabSize, context, ...mapped });
  const { maxTokens = context - read.length } = options;
  checkNumber(where, 'maxTokens', maxTokens, { min: 1, max: context - read.length, integer: true });
  const texts = Array.from({ length: count }, () => ({
    ids: [...read.ids],
    numbers: [...read.numbers],
    logProbability: 0,
    finished: false,
  }));
  for (let step = 0; step < maxTokens && texts.some(({ finished }) => !finished); step++) {
    signal?.throwIfAborted();
    const answers = await nextOf(model, texts);
    const width = vocabSize + 1;
    const draws = key === null ? null : random.fillUniform(random.foldIn(key, step), new Float64Array(count));
    texts.forEach((text, index) => {
      if (text.finished) return;
      const own = answers.subarray(index * width, (index + 1) * width);
      if (!own.every(Number.isFinite)) {
        const odd = own.find((value) => !Number.isFinite(value));
        const fix = 'Its weights, or numbers far outside the range it was trained on, are to blame.';
        throw new RangeError(argumentMessage(where, `what the model says after token ${step}`, 'be finite', odd, fix));
      }
      const logits = own.subarray(0, vocabSize);
      const id = draws === null ? argMax(logits) : drawn(logits, temperature, topK, draws[index]!);
      const scaledValue = id === numberId ? own[vocabSize]! : 1;
      text.ids.push(id);
      text.numbers.push(scaledValue);
      text.logProbability += logits[id]! - logSumExp(logits);
      text.finished = id === endId || until?.(text.ids) === true;
      onToken?.({ index, id, number: id === numberId ? inText(scaler, Float64Array.of(scaledValue))[0]! : 1 });
    });
  }
  return texts.map(({ ids, numbers, ...rest }) => {
    const values = inText(scaler, Float64Array.from(numbers));
    return {
      ids: Int32Array.from(ids),
      // What was given comes back as it was.
      numbers: values.map((value, t) => (ids[t] !== numberId ? 1 : (prefix.numbers[t] ?? value))),
      ...rest,
    };
  });
}

function drawing(
  where: string,
  { count = 1, temperature = 0, topK, key }: GenerateOptions,
  vocabSize: number,
): { count: number; temperature: number; topK: number; key: random.Key | null } {
  checkNumber(where, 'count', count, { min: 1, integer: true });
  checkNumber(where, 'temperature', temperature, { min: 0 });
  if (topK !== undefined) checkNumber(where, 'topK', topK, { min: 1, integer: true });
  if (temperature > 0 && key === undefined) {
    throw new TypeError(argumentMessage(where, 'key', 'be given for a temperature above 0', key));
  }
  return {
    count,
    temperature,
    topK: Math.min(topK ?? vocabSize, vocabSize),
    key: temperature > 0 ? random.asKey(where, key!) : null,
  };
}

/** Logits and nu behind each text, [B, V + 1]. */
async function nextOf(
  model: Numformer,
  texts: readonly { ids: readonly number[]; numbers: readonly number[] }[],
): Promise<Float32Array> {
  const longest = texts.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const length = Math.min(Math.ceil(longest / STRIDE) * STRIDE, model.config.context);
  const shape: [number, number] = [texts.length, length];
  const ids = new Int32Array(texts.length * length);
  const numbers = new Float32Array(texts.length * length).fill(1);
  texts.forEach((text, b) => {
    ids.set(text.ids, b * length);
    numbers.set(text.numbers, b * length);
  });
  return scope(async (own) => {
    const answers = ask(
      model,
      'next',
      own({
        ids: tf.tensor2d(ids, shape, 'int32'),
        numbers: tf.tensor2d(numbers, shape),
        padding: tf.zeros(shape, 'bool'),
        positions: tf.tensor1d(
          Int32Array.from(texts, (text, b) => b * length + text.ids.length - 1),
          'int32',
        ),
      }),
    );
    return (await own(answers).data()) as Float32Array;
  });
}

function argMax(logits: Float32Array): number {
  return logits.reduce((best, value, id) => (value > logits[best]! ? id : best), 0);
}

/** The token below which a part u of the probability of the most probable ones lies. */
function drawn(logits: Float32Array, temperature: number, topK: number, u: number): number {
  const ids = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!).slice(0, topK);
  const weights = ids.map((id) => Math.exp((logits[id]! - logits[ids[0]!]!) / temperature));
  let rest = u * weights.reduce((sum, weight) => sum + weight, 0);
  return ids[weights.findIndex((weight) => (rest -= weight) < 0)] ?? ids.at(-1)!;
}

function logSumExp(logits: Float32Array): number {
  const most = logits.reduce((max, value) => Math.max(max, value), -Infinity);
  return most + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - most), 0));
}
