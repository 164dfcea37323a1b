import { FormatError } from '../check';
import { readSafetensors, tensorsToSafetensors, type NumericArray, type SafetensorsFile } from '../io';
import type { Module } from './module';
import type { StateSource } from './state-dict';

/**
 * A module as a safetensors file: its state by PyTorch's names, and what describes it in the metadata.
 *
 * @param where     the caller, for messages
 * @param metadata  texts by name; a config as JSON
 * @throws RangeError naming a tensor that is not finite
 */
export async function saveModule(where: string, module: Module, metadata: Record<string, string>): Promise<Uint8Array> {
  const state = module.stateDict();
  try {
    const bytes = await tensorsToSafetensors(state, metadata);
    const odd = notFinite(readSafetensors(bytes));
    if (odd !== undefined) throw new RangeError(`${where}: ${odd} must be finite, and is not.`);
    return bytes;
  } finally {
    Object.values(state).forEach((tensor) => tensor.dispose());
  }
}

/**
 * What `saveModule` wrote.
 *
 * @throws FormatError when the file is truncated or corrupt, or naming a tensor that is not finite
 */
export function readSavedModule(where: string, bytes: Uint8Array): SafetensorsFile {
  const file = readSafetensors(bytes);
  const odd = notFinite(file);
  if (odd !== undefined) throw new FormatError(`${where}: tensor ${odd} must be finite, and is not.`);
  return file;
}

/**
 * The config that a file's metadata hold as JSON.
 *
 * @param text   of the metadata
 * @param check  completes and checks what is parsed
 * @param saver  name of the function that writes such files, for messages
 * @throws FormatError unless it is there, JSON and accepted
 */
export function savedConfig<C>(
  where: string,
  text: string | undefined,
  saver: string,
  check: (parsed: unknown) => C,
): C {
  try {
    if (text === undefined) throw new Error('It has no config.');
    return check(JSON.parse(text));
  } catch (cause) {
    const message = `${where}: the file must be one that ${saver} wrote. ${(cause as Error).message}`;
    throw new FormatError(message, { cause });
  }
}

/** A module of zeros with its state; it is disposed when the state does not fit. @throws as `Module.loadStateDict` */
export function withState<M extends Module>(module: M, state: StateSource): M {
  try {
    module.loadStateDict(state);
    return module;
  } catch (cause) {
    module.dispose();
    throw cause;
  }
}

function notFinite({ tensors }: SafetensorsFile): string | undefined {
  return Object.keys(tensors).find((name) => !isFinite(tensors[name]!.data));
}

function isFinite(data: NumericArray): boolean {
  return (data as Float32Array).every((value) => Number.isFinite(value));
}
