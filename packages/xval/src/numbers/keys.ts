import { check } from '@tfsci/tensor-core';

/**
 * The keys of data: of an object all keys at any depth, of a text all that stands between single quotes, or between double
 * quotes before a colon; each once, in the order of their first appearance.
 *
 * @throws TypeError for another value
 * @remarks The reference makes a set of them, whose order changes from run to run; vocabularies need one order.
 */
export function extractKeys(data: string | object): string[] {
  const keys = new Set<string>();
  if (typeof data === 'string') {
    for (const [, single, double] of data.matchAll(/'(.*?)'|"((?:[^"\\]|\\.)*)"\s*:/g)) keys.add(single ?? double!);
  } else if (typeof data === 'object' && data !== null) collect(data, keys);
  else {
    throw new TypeError(check.argumentMessage('xval.extractKeys', 'data', 'be a string or an object', data));
  }
  return [...keys];
}

function collect(value: unknown, keys: Set<string>): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  const isList = Array.isArray(value);
  for (const [key, below] of Object.entries(value)) {
    if (!isList) keys.add(key);
    collect(below, keys);
  }
}
