import * as tf from '@tensorflow/tfjs';
import { BackendError } from '../check';
import { capabilities, type BackendCapabilities } from './capabilities';
import { registerTrainingKernels } from './training-kernels';
import { bundledWasmFiles } from './wasm-files';

/** Options of `useBackend`. */
export interface UseBackendOptions {
  /** Folder URL or URL per file of the wasm binaries; default: found by itself in Node, Vite and webpack. */
  wasmPaths?: string | Record<string, string>;
}

/** Backends that come with TensorFlow.js, in the order in which a browser tries them. */
const BUILT_IN = ['webgpu', 'webgl', 'wasm', 'cpu'];

const warned = new Set<string>();

/**
 * Makes a backend the active one, ready to train: loads its package and gives it missing kernels.
 *
 * 'auto' takes the first that starts: backends that the program has registered itself (by priority),
 * then in a browser webgpu, webgl, wasm, cpu, and in Node wasm, cpu. Each one that fails is named in
 * one warning.
 *
 * @param name  'auto' (default) or a registered backend's name
 * @returns what the backend can do
 * @throws BackendError when the named backend is unknown or does not start
 * @example
 * const { backend } = await useBackend('auto');
 */
export async function useBackend(name = 'auto', options: UseBackendOptions = {}): Promise<BackendCapabilities> {
  if (name !== 'auto') {
    await start(name, options);
    return capabilities();
  }
  const failures: string[] = [];
  for (const candidate of candidates()) {
    try {
      await start(candidate, options);
      warnOnce(failures, candidate);
      return capabilities();
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new BackendError(`tensor-core.useBackend: no backend could be started. ${failures.join(' ')}`);
}

function candidates(): string[] {
  const factories = tf.engine().registryFactory;
  const own = Object.keys(factories).filter((name) => !BUILT_IN.includes(name));
  own.sort((a, b) => factories[b]!.priority - factories[a]!.priority);
  const inBrowser = !tf.env().getBool('IS_NODE');
  const hasWebGpu = typeof navigator !== 'undefined' && 'gpu' in navigator;
  const builtIn = inBrowser ? BUILT_IN.filter((name) => name !== 'webgpu' || hasWebGpu) : ['wasm', 'cpu'];
  return [...own, ...builtIn];
}

async function start(name: string, options: UseBackendOptions): Promise<void> {
  try {
    if (name === 'wasm') await loadWasm(options);
    if (name === 'webgpu') await import('@tensorflow/tfjs-backend-webgpu');
    if (tf.engine().registryFactory[name] === undefined) {
      const known = Object.keys(tf.engine().registryFactory).join(', ');
      throw new Error(`it is not registered (registered: ${known}). Import the package that brings it first`);
    }
    if (!(await tf.setBackend(name))) throw new Error('TensorFlow.js could not initialise it on this machine');
    await tf.ready();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BackendError(`tensor-core.useBackend: backend ${JSON.stringify(name)} must start, but ${reason}.`, {
      cause: error,
    });
  }
}

async function loadWasm({ wasmPaths }: UseBackendOptions): Promise<void> {
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  const files = wasmPaths ?? bundledWasmFiles();
  // Once the backend is up the paths cannot change any more, nor need they.
  if (files !== undefined && !('wasm' in tf.engine().registry)) wasm.setWasmPaths(files);
  registerTrainingKernels();
}

function warnOnce(failures: string[], taken: string): void {
  const fresh = failures.filter((message) => !warned.has(message));
  fresh.forEach((message) => warned.add(message));
  if (fresh.length > 0) console.warn(`${fresh.join('\n')}\ntensor-core.useBackend: took ${taken} instead.`);
}
