import * as tf from '@tensorflow/tfjs';
import { argumentMessage } from '../check';
import { toTensor, type SafetensorsEntry } from '../io';
import { Module } from '../nn';

/** What `fit` trains: a module, or variables by names of one's own. */
export type Model = Module | Readonly<Record<string, tf.Variable>>;

/** Tensors as they lie in a file, by name. */
export type Entries = Record<string, SafetensorsEntry>;

/** Trainable variables with their names, each once. */
export function trainableOf(model: Model): [string, tf.Variable][] {
  const named = model instanceof Module ? model.namedParameters() : Object.entries(model);
  const first = new Map<tf.Variable, string>();
  for (const [name, variable] of named) if (variable.trainable && !first.has(variable)) first.set(variable, name);
  return [...first].map(([variable, name]) => [name, variable]);
}

/** Snapshots of all variables by name, the caller's to dispose; those of a module in PyTorch's layouts. */
export function stateOfModel(model: Model): Record<string, tf.Tensor> {
  if (model instanceof Module) return model.stateDict();
  return Object.fromEntries(Object.entries(model).map(([name, variable]) => [name, variable.clone()]));
}

/** Sets all variables from what `stateOfModel` gave; `differences` has found none. */
export function loadModel(model: Model, entries: Entries): void {
  if (model instanceof Module) model.loadStateDict(entries);
  else tf.tidy(() => Object.entries(model).forEach(([name, variable]) => variable.assign(toTensor(entries[name]))));
}

/** In what saved tensors differ from those that are wanted, in words: names, shapes and dtypes. */
export function differences(what: string, wanted: Record<string, tf.Tensor>, saved: Entries): string[] {
  const words: string[] = [];
  for (const [name, tensor] of Object.entries(wanted)) {
    const entry = saved[name];
    const [own, other] = [kindOf(tensor.dtype, tensor.shape), entry && kindOf(entry.dtype, entry.shape)];
    if (other === undefined) words.push(`lacks the ${what} tensor ${name}`);
    else if (own !== other) words.push(`has the ${what} tensor ${name} as ${other} where ${own} is wanted`);
  }
  for (const name of Object.keys(saved)) if (!(name in wanted)) words.push(`has an unknown ${what} tensor ${name}`);
  return words;
}

/** Returns the model if it can be one. @throws TypeError otherwise */
export function checkModel(where: string, name: string, model: unknown): Model {
  const isRecord = typeof model === 'object' && model !== null && Object.getPrototypeOf(model) === Object.prototype;
  const fits =
    model instanceof Module || (isRecord && Object.values(model).every((value) => value instanceof tf.Variable));
  if (fits) return model as Model;
  throw new TypeError(argumentMessage(where, name, 'be a Module or a record of tf.Variables', model));
}

const DTYPES: Record<string, string> = { float32: 'F32', int32: 'I32', bool: 'BOOL' };

function kindOf(dtype: string, shape: readonly number[]): string {
  return `${DTYPES[dtype] ?? dtype} [${shape.join(', ')}]`;
}
