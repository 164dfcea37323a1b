import { argumentMessage } from '../check';
import { split, type Key } from '../random';
import type { InitKey } from './init';

/** `n` keys from one; null for each where there is none, so that optional randomness passes down a model. */
export function splitKey<K extends InitKey | undefined>(key: K, n: number): K[] {
  return key instanceof Object ? (split(key, n) as K[]) : Array.from({ length: n }, () => key);
}

/** The key of a training step's draws. @throws TypeError when it is missing */
export function trainingKey(where: string, key: Key | undefined): Key {
  if (key !== undefined) return key;
  const fix = 'Pass { key }, or call eval() where nothing is to be dropped.';
  throw new TypeError(argumentMessage(where, 'key', 'be a Key in training mode', key, fix));
}
