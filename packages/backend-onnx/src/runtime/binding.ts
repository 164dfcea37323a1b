import { Tensor } from 'onnxruntime-common';
import type { HostTensor, Ports, Session, SessionSettings } from './session';

/** What this file uses of onnxruntime-node's binding, which is not a public interface of that package. */
interface NativeSession {
  loadModel(buffer: ArrayBufferLike, byteOffset: number, byteLength: number, options: object): void;
  run(feeds: object, fetches: object, options: object): object;
  endProfiling(): void;
  dispose(): void;
}

export interface NativeBinding {
  binding: { InferenceSession: new () => NativeSession };
  initOrt(): void;
}

/**
 * A session by onnxruntime-node's binding: for execution providers other than the CPU, for profiles, and where the
 * C interface cannot be called.
 */
export function bindingSession(
  native: NativeBinding,
  model: Uint8Array,
  ports: Ports,
  settings: SessionSettings,
): Session {
  native.initOrt();
  const session = new native.binding.InferenceSession();
  session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
    executionProviders: [settings.executionProvider],
    graphOptimizationLevel: settings.graphOptimization,
    intraOpNumThreads: settings.isParallel ? settings.threads : 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: settings.spinning ? '1' : '0' } } },
    ...(settings.profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: settings.profile }),
  });
  const named = (names: readonly string[], tensors: readonly HostTensor[]): object =>
    Object.fromEntries(tensors.map((tensor, i) => [names[i]!, overMemory(tensor)]));
  return {
    run: (inputs, outputs) => void session.run(named(ports.inputs, inputs), named(ports.outputs, outputs), {}),
    endProfiling: () => session.endProfiling(),
    release: () => session.dispose(),
  };
}

/** Without a copy; one that is fetched is written in place. */
function overMemory({ type, elements, shape }: HostTensor): Tensor {
  return new Tensor(type, elements as Float32Array, shape);
}
