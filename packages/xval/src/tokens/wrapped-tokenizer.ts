import { check } from '@tfsci/tensor-core';
import { NUMBER_TOKEN } from '../numbers/extract';
import { scanNumbers, type ScanOptions } from '../numbers/scan-numbers';
import { checkText } from '../numbers/walk';
import { TokenWriter, type TextTokenizer } from './tokenized-text';
import { MASK, PAD } from './vocabulary';

const { argumentMessage, FormatError } = check;

/** What of @huggingface/tokenizers is used. */
interface Library {
  Tokenizer: new (
    tokenizer: object,
    config: object,
  ) => {
    encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
    decode(ids: number[], options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }): string;
    token_to_id(token: string): number | undefined;
    get_vocab(): Map<string, number> | Record<string, number>;
  };
}

/** Options of `wrapTokenizer`. */
export interface WrapOptions extends ScanOptions {
  /** The parsed tokenizer_config.json, default {}. */
  config?: object;
  /** The library, where it cannot be imported by name; default: it is imported. */
  library?: Library;
}

/**
 * xVal upon any tokenizer of HuggingFace (GPT-2, BERT, ...): texts between numbers are tokenised by its own rules, numbers
 * become [NUM]. [NUM], [MASK] and [PAD] get the next free ids where the vocabulary lacks them.
 *
 * @param json  the parsed tokenizer.json
 * @throws Error with the command to install @huggingface/tokenizers, an optional peer; FormatError when that cannot read it
 * @see Golkar et al., 2023, sec. 2, arXiv:2310.02989
 * @example
 * const tokenizer = await wrapTokenizer(JSON.parse(await readFile('gpt2/tokenizer.json', 'utf8')));
 * tokenizer.encode('The mass is 4.2 kg.'); // numbers at [NUM]: 4.2
 */
export async function wrapTokenizer(
  json: object,
  { config = {}, library, ...scan }: WrapOptions = {},
): Promise<TextTokenizer> {
  const where = 'xval.wrapTokenizer';
  const { Tokenizer } = library ?? (await importLibrary(where));
  let inner: InstanceType<Library['Tokenizer']>;
  try {
    inner = new Tokenizer(json, config);
    inner.encode('a', { add_special_tokens: false });
  } catch (cause) {
    const message = argumentMessage(where, 'json', 'be a tokenizer.json of HuggingFace', json);
    throw new FormatError(`${message} ${(cause as Error).message}`, { cause });
  }
  const vocabulary = inner.get_vocab();
  const ids = vocabulary instanceof Map ? [...vocabulary.values()] : Object.values(vocabulary);
  let next = ids.reduce((most, id) => Math.max(most, id), -1) + 1;
  const [numberId, maskId, padId] = [NUMBER_TOKEN, MASK, PAD].map((token) => inner.token_to_id(token) ?? next++) as [
    number,
    number,
    number,
  ];
  const own: Record<number, string> = { [numberId]: NUMBER_TOKEN, [maskId]: MASK, [padId]: PAD };
  return {
    vocabSize: next,
    numberId,
    maskId,
    padId,
    encode: (text) => {
      const writer = new TokenWriter(Math.ceil(checkText('xval.encode', text).length / 2) + 16);
      let from = 0;
      const between = (end: number): void => {
        if (from >= end) return;
        for (const id of inner.encode(text.slice(from, end), { add_special_tokens: false }).ids)
          writer.push(id, from, end);
      };
      for (const { start, end, value } of scanNumbers(text, scan)) {
        between(start);
        writer.pushNumber(numberId, start, end, value);
        from = end;
      }
      between(text.length);
      return writer.finish();
    },
    decode: (tokens, numbers) => {
      const options = { skip_special_tokens: false, clean_up_tokenization_spaces: false };
      let text = '';
      let [run, count]: [number[], number] = [[], 0];
      const flush = (): void => {
        if (run.length > 0) text += inner.decode(run, options);
        run = [];
      };
      for (let at = 0; at < tokens.length; at++) {
        const id = tokens[at]!;
        if (id in own && id !== numberId) {
          flush();
          text += own[id]!;
        } else if (id === numberId) {
          flush();
          // Literals come in their order, values at their places.
          const number = typeof numbers?.[0] === 'string' ? numbers[count] : numbers?.[at];
          text += String(number ?? NUMBER_TOKEN);
          count++;
        } else run.push(id);
      }
      flush();
      return text;
    },
  };
}

async function importLibrary(where: string): Promise<Library> {
  try {
    return await import('@huggingface/tokenizers');
  } catch (cause) {
    throw new Error(`${where}: @huggingface/tokenizers must be installed. Run: npm install @huggingface/tokenizers`, {
      cause,
    });
  }
}
