import * as tf from '@tensorflow/tfjs';
import { argumentMessage, FormatError } from '../check';
import { toTensor, viewAsReal, type ArrayEntry } from '../io';

/** A parameter or buffer of a module. */
export interface Slot {
  /** In the layout that the layer computes with. */
  variable: tf.Variable;
  kind: 'parameter' | 'buffer';
  /** Stored axis i is PyTorch's axis permutation[i]; undefined where both layouts are the same. */
  permutation: readonly number[] | undefined;
}

/** Tensors by PyTorch's names, in PyTorch's layouts. */
export type StateSource = Readonly<Record<string, tf.Tensor | ArrayEntry>>;

/** How a state dict is loaded. */
export interface LoadOptions {
  /** true (default): everything must be there and fit, and nothing else. false: loads what fits and reports the rest. */
  strict?: boolean;
  /** From a name in the source to the module's, null to pass it over; default the same name. */
  rename?: (name: string) => string | null;
}

/** What `loadStateDict` did, by the module's names. */
export interface LoadReport {
  loaded: string[];
  /** Names of the module that the source lacks. */
  missing: string[];
  /** Names of the source that the module lacks. */
  unexpected: string[];
  /** What the source has in another shape or dtype: 'weight: [3, 2] where [3, 4] is wanted'. */
  misfits: string[];
}

/** The slots' values in PyTorch's layouts. */
export function stateOf(slots: readonly [string, Slot][]): Record<string, tf.Tensor> {
  const valueOf = ({ variable, permutation }: Slot): tf.Tensor =>
    permutation ? tf.tidy(() => variable.transpose(inverse(permutation))) : variable.clone();
  return Object.fromEntries(slots.map(([name, slot]) => [name, valueOf(slot)]));
}

/** Sets the slots from a source; the work behind `Module.loadStateDict`. */
export function loadState(
  where: string,
  slots: readonly [string, Slot][],
  source: StateSource,
  { strict = true, rename = (name) => name }: LoadOptions,
): LoadReport {
  const wanted = new Map(slots);
  const given = new Map<string, tf.Tensor | ArrayEntry>();
  const report: LoadReport = { loaded: [], missing: [], unexpected: [], misfits: [] };
  for (const [name, entry] of Object.entries(source)) {
    const own = rename(name);
    if (own === null) continue;
    checkSource(where, name, entry);
    // Modules hold complex weights as torch.view_as_real shows them.
    const value = isComplex(entry) ? viewAsReal(entry) : entry;
    if (given.has(own)) throw new FormatError(`${where}: rename gives two tensors the name ${own}.`);
    given.set(own, value);
    const slot = wanted.get(own);
    if (slot === undefined) report.unexpected.push(own);
    else if (misfit(slot, value)) report.misfits.push(`${own}: ${misfit(slot, value)}`);
    else report.loaded.push(own);
  }
  report.missing = slots.flatMap(([name]) => (given.has(name) ? [] : [name]));
  if (strict) throwFaults(where, report);
  tf.tidy(() => {
    // Values are made before any is set: an entry that cannot be a tensor leaves the module as it was.
    const values = report.loaded.map((name) => stored(wanted.get(name)!, given.get(name)!));
    report.loaded.forEach((name, i) => wanted.get(name)!.variable.assign(values[i]!));
  });
  return report;
}

function stored({ permutation }: Slot, value: tf.Tensor | ArrayEntry): tf.Tensor {
  const tensor = value instanceof tf.Tensor ? value : toTensor(value);
  // The copy costs nothing, and there is none of a disposed tensor.
  return permutation ? tensor.transpose([...permutation]) : tensor.clone();
}

function isComplex(entry: tf.Tensor | ArrayEntry): entry is ArrayEntry {
  return entry.dtype === 'C64' || entry.dtype === 'C128';
}

function checkSource(where: string, name: string, value: unknown): void {
  const { shape, dtype } = (value ?? {}) as Partial<ArrayEntry>;
  if (Array.isArray(shape) && typeof dtype === 'string') return;
  throw new TypeError(argumentMessage(where, `the value of ${name}`, 'be a tensor or an entry of a file', value));
}

function misfit({ variable, permutation }: Slot, value: tf.Tensor | ArrayEntry): string | undefined {
  const shape = permutation ? inverse(permutation).map((axis) => variable.shape[axis]) : variable.shape;
  const dtype = value instanceof tf.Tensor ? value.dtype : tensorDtype(value);
  if (String(value.shape) === String(shape) && dtype === variable.dtype) return undefined;
  const kinds = dtype === variable.dtype ? ['', ''] : [`${dtype} `, `${variable.dtype} `];
  return `${kinds[0]}[${value.shape.join(', ')}] where ${kinds[1]}[${shape.join(', ')}] is wanted`;
}

/** The dtype that `toTensor` gives an entry. */
function tensorDtype({ dtype }: ArrayEntry): tf.DataType {
  if (dtype === 'BOOL') return 'bool';
  return /^[IU]\d/.test(dtype) ? 'int32' : 'float32';
}

function throwFaults(where: string, { missing, unexpected, misfits }: LoadReport): void {
  const parts = [
    missing.length > 0 && `misses ${missing.join(', ')}`,
    unexpected.length > 0 && `has the unknown ${unexpected.join(', ')}`,
    misfits.length > 0 && `has ${misfits.join('; ')}`,
  ].filter(Boolean);
  if (parts.length === 0) return;
  const fix = 'Pass { strict: false } to load what fits, or { rename } to translate names.';
  throw new FormatError(`${where}: the state dict ${parts.join('; it ')}. ${fix}`);
}

function inverse(permutation: readonly number[]): number[] {
  return permutation.map((_, axis) => permutation.indexOf(axis));
}
