import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type koffi from 'koffi';
import { env } from 'onnxruntime-common';
import { bindingSession, type NativeBinding } from './binding';
import { CApi } from './c-api';
import type { Ports, Session, SessionSettings } from './session';

export const runtimeVersion: string = env.versions.common;

/** Also in CommonJS, where import.meta is empty. */
const requireHere = createRequire(typeof __filename === 'string' ? __filename : import.meta.url);

let native: NativeBinding | undefined;
let cApi: CApi | undefined;

/**
 * Loads ONNX Runtime's native library, once.
 *
 * The public interface of onnxruntime-node is asynchronous; what lies below it is not, and `dataSync()` needs that.
 * @throws Error when there is no library for this platform or it does not load
 */
export function loadRuntime(): void {
  if (native) return;
  try {
    native = requireHere('onnxruntime-node/dist/binding.js') as NativeBinding;
  } catch (cause) {
    const message =
      `backend-onnx: ONNX Runtime must load on ${process.platform} ${process.arch}, got the error: ${reasonOf(cause)}. ` +
      'onnxruntime-node has libraries for Linux and Windows (x64, arm64; glibc, not musl) and macOS (arm64); elsewhere ' +
      'use the wasm backend.';
    throw new Error(message, { cause });
  }
  try {
    const folder = dirname(requireHere.resolve('onnxruntime-node/package.json'));
    cApi = new CApi(requireHere('koffi') as typeof koffi, folder);
  } catch {
    // The binding serves as well, with a copy of each output.
    cApi = undefined;
  }
}

/** Whether outputs are written in place, without a further copy. */
export const writesInPlace = (): boolean => cApi !== undefined;

/** Compiles a serialised model. @throws Error with ONNX Runtime's reason when the model is not valid */
export function createSession(model: Uint8Array, ports: Ports, settings: SessionSettings): Session {
  loadRuntime();
  const direct = settings.executionProvider === 'cpu' && settings.profile === undefined ? cApi : undefined;
  const session = explained(`compile a graph for '${settings.executionProvider}'`, () =>
    direct ? direct.createSession(model, ports, settings) : bindingSession(native!, model, ports, settings),
  );
  return { ...session, run: (inputs, outputs) => explained('run a graph', () => session.run(inputs, outputs)) };
}

function explained<R>(what: string, act: () => R): R {
  try {
    return act();
  } catch (cause) {
    throw new Error(`backend-onnx: ONNX Runtime must ${what}, got its error: ${reasonOf(cause)}`, { cause });
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
