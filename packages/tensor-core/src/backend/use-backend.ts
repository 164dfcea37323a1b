import * as tf from '@tensorflow/tfjs';
import { argumentMessage, BackendError, describeValue } from '../check';
import { capabilities, type BackendCapabilities } from './capabilities';
import { completeWebgpuAddN } from './kernels/webgpu-add-n';
import { registerTrainingKernels } from './training-kernels';
import { wasmFilesOf } from './wasm-files';

/** Options of `useBackend`. */
export interface UseBackendOptions {
  /**
   * Folder URL (in Node a path), or URL per file, of the wasm binaries; default: found by itself in Node, Vite and
   * webpack. Without effect once the wasm backend is up.
   */
  wasmPaths?: string | Record<string, string>;
}

/** Backends that come with TensorFlow.js, in the order in which a browser tries them. */
const BUILT_IN = ['webgpu', 'webgl', 'wasm', 'cpu'];
const WHERE = 'tensor-core.useBackend';

const warned = new Set<string>();
/** tfjs refuses another map after a failed start, but reads the one that it has at each: so it is handed this one. */
const wasmFiles: Record<string, string> = {};
let wasmFilesHandedOver = false;
/** The call under way, which the next one waits for. */
let previousCall: Promise<unknown> = Promise.resolve();

/**
 * Makes a backend the active one, ready to train: loads its package and registers the kernels and gradients that
 * TensorFlow.js lacks.
 *
 * 'auto' takes the first that starts: backends that the program has registered itself (by priority),
 * then in a browser webgpu, webgl, wasm, cpu, and in Node wasm, cpu. Each one that fails is named in
 * one warning.
 *
 * The active backend stays active while another one starts, and if that fails. Concurrent calls are
 * carried out one after the other; the last one decides.
 *
 * @param name  'auto' (default) or a registered backend's name
 * @returns what the backend can do
 * @throws BackendError when the named backend is unknown or does not start; its `cause` says why
 * @example
 * const { backend } = await useBackend('auto');
 */
export function useBackend(name = 'auto', options: UseBackendOptions = {}): Promise<BackendCapabilities> {
  const call = previousCall.then(() => (name === 'auto' ? startBest(options) : start(name, options)));
  previousCall = call.catch(() => undefined);
  return call;
}

async function startBest(options: UseBackendOptions): Promise<BackendCapabilities> {
  const failures: string[] = [];
  for (const candidate of candidates()) {
    try {
      const found = await start(candidate, options);
      warnOnce(failures, candidate);
      return found;
    } catch (error) {
      failures.push(reasonOf(error));
    }
  }
  throw new BackendError(`${WHERE}: a backend must start, got none. ${failures.join(' ')}`);
}

function candidates(): string[] {
  const factories = tf.engine().registryFactory;
  const own = Object.keys(factories).filter((name) => !BUILT_IN.includes(name));
  own.sort((a, b) => factories[b]!.priority - factories[a]!.priority);
  const inBrowser = !tf.env().getBool('IS_NODE');
  const builtIn = inBrowser ? BUILT_IN.filter((name) => name !== 'webgpu' || hasWebGpu()) : ['wasm', 'cpu'];
  return [...own, ...builtIn];
}

/** Starts a backend and makes it the active one, or leaves the active one as it is. */
async function start(name: string, options: UseBackendOptions): Promise<BackendCapabilities> {
  const before = tf.getBackend();
  try {
    if (name === 'wasm') await loadWasm(options);
    if (name === 'webgpu' && hasWebGpu()) await import('@tensorflow/tfjs-backend-webgpu');
    registerTrainingKernels();
    completeWebgpuAddN();
    await initialise(name);
    await tf.setBackend(name);
    if (name === 'webgl') correctFloatPrecision();
    return capabilities();
  } catch (error) {
    if (tf.getBackend() !== before && before in tf.engine().registry) await tf.setBackend(before);
    if (error instanceof BackendError) throw error;
    const fix = name === 'wasm' ? ' Serve the .wasm files and pass their folder as options.wasmPaths.' : '';
    const reason = reasonOf(error).replace(/\.+$/, '');
    const message = `${WHERE}: backend ${describeValue(name)} must start here, got the error: ${reason}.${fix}`;
    throw new BackendError(message, { cause: error });
  }
}

/**
 * Puts the backend's instance into tfjs's registry. tf.setBackend would do that too, but it makes the backend the
 * active one before it has started, and prints the error of a failure instead of throwing it.
 */
async function initialise(name: string): Promise<void> {
  const engine = tf.engine();
  const registered = Object.keys(engine.registryFactory);
  if (!registered.includes(name)) {
    const fix = BUILT_IN.includes(name)
      ? 'It does not exist in this environment.'
      : 'Import the package that brings it first.';
    const wanted = `be 'auto' or a registered backend (${registered.join(', ')})`;
    throw new BackendError(argumentMessage(WHERE, 'name', wanted, name, fix));
  }
  // A tf.setBackend of the program that is still under way may be starting this very backend.
  await engine['pendingBackendInit'];
  if (name in engine.registry) return;
  const instance = (await engine.registryFactory[name]!.factory()) as tf.KernelBackend | undefined;
  if (!instance) throw new Error(`its factory gave ${describeValue(instance)}`);
  engine.registry[name] = instance;
}

async function loadWasm({ wasmPaths }: UseBackendOptions): Promise<void> {
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  // Once the backend is up the paths cannot change any more, nor need they.
  if ('wasm' in tf.engine().registry) return;
  const files = wasmFilesOf(wasmPaths);
  for (const file of Object.keys(wasmFiles)) delete wasmFiles[file];
  if (files === undefined) return;
  Object.assign(wasmFiles, files);
  if (!wasmFilesHandedOver) wasm.setWasmPaths(wasmFiles);
  wasmFilesHandedOver = true;
}

/** tfjs's webgl takes itself for a 16-bit backend just where it computes in 32 bits; Adam would get an epsilon of 1e-4. */
function correctFloatPrecision(): void {
  if (tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED')) tf.backend().floatPrecision = () => 32;
}

function hasWebGpu(): boolean {
  return typeof navigator !== 'undefined' && 'gpu' in navigator && Boolean(navigator.gpu);
}

/** Some of tfjs's rejections are plain objects with a message. */
function reasonOf(error: unknown): string {
  const { message } = (error ?? {}) as { message?: unknown };
  return typeof message === 'string' ? message : describeValue(error);
}

function warnOnce(failures: string[], taken: string): void {
  const fresh = failures.filter((message) => !warned.has(message));
  fresh.forEach((message) => warned.add(message));
  if (fresh.length > 0) console.warn(`${fresh.join('\n')}\n${WHERE}: took ${taken} instead.`);
}
