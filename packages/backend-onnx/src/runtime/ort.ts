import { createRequire } from 'node:module';
import { env, Tensor } from 'onnxruntime-common';
import type { ElementType, Elements, Shape } from '../graph/value';

/** How a session is made; see `OnnxOptions`. */
export interface SessionSettings {
  threads: number;
  spinning: boolean;
  executionProvider: string;
  graphOptimization: 'disabled' | 'basic' | 'extended' | 'all';
  profile?: string;
}

/** A session of ONNX Runtime, called synchronously. */
export interface Session {
  run(feeds: Record<string, Tensor>, fetches: Record<string, Tensor>): void;
  endProfiling(): void;
  release(): void;
}

/** What this file uses of the native binding of onnxruntime-node, which is not a public interface of that package. */
interface NativeSession {
  loadModel(buffer: ArrayBufferLike, byteOffset: number, byteLength: number, options: object): void;
  run(feeds: object, fetches: object, options: object): Record<string, Tensor>;
  endProfiling(): void;
  dispose(): void;
}
interface NativeBinding {
  binding: { InferenceSession: new () => NativeSession };
  initOrt(): void;
}

let native: NativeBinding | undefined;

export const runtimeVersion: string = env.versions.common;

/**
 * Loads ONNX Runtime's native library, once.
 *
 * The public interface of onnxruntime-node is asynchronous; its binding is not, and `dataSync()` needs that.
 * @throws Error when there is no library for this platform or it does not load
 */
export function loadRuntime(): void {
  if (native) return;
  const platform = `${process.platform} ${process.arch}`;
  try {
    const loaded = requireNative();
    loaded.initOrt();
    native = loaded;
  } catch (cause) {
    const message =
      `backend-onnx: ONNX Runtime must load on ${platform}, got the error: ${reasonOf(cause)}. onnxruntime-node has libraries ` +
      'for Linux and Windows (x64, arm64; glibc, not musl) and macOS (arm64); elsewhere use the wasm backend.';
    throw new Error(message, { cause });
  }
}

function requireNative(): NativeBinding {
  const require = createRequire(import.meta.url);
  return require('onnxruntime-node/dist/binding.js') as NativeBinding;
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0]!;

/** Compiles a serialised model. @throws Error with ONNX Runtime's reason when the model is not valid */
export function createSession(model: Uint8Array, settings: SessionSettings): Session {
  loadRuntime();
  const session = new native!.binding.InferenceSession();
  const load = (): void =>
    session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
      executionProviders: [settings.executionProvider],
      graphOptimizationLevel: settings.graphOptimization,
      intraOpNumThreads: settings.threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      enableCpuMemArena: true,
      enableMemPattern: true,
      logSeverityLevel: 3,
      extra: { session: { intra_op: { allow_spinning: settings.spinning ? '1' : '0' } } },
      ...(settings.profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: settings.profile }),
    });
  explained(`compile a graph for '${settings.executionProvider}'`, load);
  return {
    // A fetch given as a tensor is written in place.
    run: (feeds, fetches) => explained('run a graph', () => session.run(feeds, fetches, {})),
    endProfiling: () => session.endProfiling(),
    release: () => session.dispose(),
  };
}

function explained(what: string, act: () => unknown): void {
  try {
    act();
  } catch (cause) {
    throw new Error(`backend-onnx: ONNX Runtime must ${what}, got its error: ${reasonOf(cause)}`, { cause });
  }
}

/** A tensor over host memory, without a copy. */
export function runtimeTensor(type: ElementType, elements: Elements, shape: Shape): Tensor {
  return new Tensor(type, elements as Float32Array, shape);
}

export type RuntimeTensor = Tensor;
