import { argumentMessage, describeValue, FormatError } from '../../check';
import { isArrayEntry, viewAsReal } from '../array-entry';
import type { SafetensorsEntry } from '../safetensors/safetensors';
import type { TorchFile } from './file';

const where = 'tensor-core.torchStateDict';

/** Under what key training programs keep the weights. */
const usualKeys = ['state_dict', 'model_state_dict', 'model_state', 'model', 'teacher'];

export interface TorchStateDictOptions {
  /** Where the state dict stands in the file, such as 'teacher'; default: it is searched, see torchStateDict. */
  key?: string;
  /**
   * What wrappers put into the names, such as 'module.' (DistributedDataParallel) or '_fsdp_wrapped_module.': removed
   * from the front of a name and after each dot; default none.
   */
  strip?: string[];
  /** Keeps the names that begin so, after stripping, without this beginning, such as 'backbone.'; default ''. */
  prefix?: string;
}

/**
 * The weights of a checkpoint by name, as models take them.
 *
 * They are the value of the file itself, or what it holds under `state_dict` (PyTorch Lightning), `model_state_dict`,
 * `model_state`, `model` or `teacher`: whichever is a dictionary with tensors. Entries that are no tensors are left out.
 *
 * @param file     from readTorch
 * @param options  see TorchStateDictOptions
 * @returns tensors by name, for toTensor, writeSafetensors and loadStateDict; no prototype, and the arrays are those of
 *   the file. Complex ones get a last axis of 2, see viewAsReal
 * @throws FormatError when there is no state dict, when there are several, when no name has the prefix, or when two
 *   names become one; the message lists what there is
 * @example
 * torchStateDict(readTorch(bytes), { key: 'teacher', strip: ['_fsdp_wrapped_module.'], prefix: 'backbone.' });
 */
export function torchStateDict(file: TorchFile, options: TorchStateDictOptions = {}): Record<string, SafetensorsEntry> {
  const { strip = [], prefix = '' } = options;
  const found = stateDictOf(file.value, options.key);
  const tensors = Object.create(null) as Record<string, SafetensorsEntry>;
  for (const [name, value] of Object.entries(found)) {
    if (!isArrayEntry(value)) continue;
    const bare = strip.reduce(stripped, name);
    if (!bare.startsWith(prefix)) continue;
    const short = bare.slice(prefix.length);
    if (short in tensors) {
      const fix = 'Strip fewer prefixes.';
      throw new FormatError(argumentMessage(where, 'the names', 'differ after stripping', short, fix));
    }
    tensors[short] = viewAsReal(value);
  }
  if (Object.keys(tensors).length === 0) {
    const beginnings = new Set(Object.keys(found).map((name) => strip.reduce(stripped, name).replace(/\..*/, '.')));
    throw new FormatError(`${where}: some name must begin with ${describeValue(prefix)}, got ${listed(beginnings)}.`);
  }
  return tensors;
}

/** The name without a wrapper's, wherever a part of the name begins with it. */
function stripped(name: string, wrapper: string): string {
  let rest = name;
  let kept = '';
  while (rest !== '') {
    if (wrapper !== '' && rest.startsWith(wrapper)) {
      rest = rest.slice(wrapper.length);
    } else {
      const next = rest.indexOf('.') + 1 || rest.length;
      kept += rest.slice(0, next);
      rest = rest.slice(next);
    }
  }
  return kept;
}

function stateDictOf(value: unknown, key: string | undefined): Record<string, unknown> {
  if (!isRecord(value)) throw new FormatError(argumentMessage(where, 'the file', 'hold a dictionary', value));
  const keys = Object.keys(value);
  const inside = keys.filter((name) => hasTensors(value[name]));
  const there = `${listed(keys)}; with tensors in them: ${listed(inside)}`;
  if (key !== undefined) {
    const chosen = value[key];
    if (hasTensors(chosen)) return chosen;
    throw new FormatError(`${where}: ${describeValue(key)} must be a dictionary with tensors, got keys ${there}.`);
  }
  const candidates = [value, ...usualKeys.map((name) => value[name])].filter(hasTensors);
  const [only] = candidates;
  if (only !== undefined && candidates.length === 1) return only;
  const which = only === undefined ? 'have a state dict' : 'have one state dict';
  throw new FormatError(`${where}: the file must ${which}, got keys ${there}. Say which one by { key }.`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null;
}

function hasTensors(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && Object.values(value).some(isArrayEntry);
}

/** At most twelve names, quoted. */
function listed(names: Iterable<string>): string {
  const all = [...names];
  const shown = all.slice(0, 12).map(describeValue).join(', ');
  return all.length > 12 ? `${shown} and ${all.length - 12} more` : shown || 'none';
}
