import * as tf from '@tensorflow/tfjs';
import type { OnnxBackend } from './backend';
import { checkOptions, defaultSettings, type OnnxOptions, type Settings } from './options';
import { runtimeVersion } from './runtime/ort';

/** What holds now; the backend reads it whenever it compiles. */
export const settings: Settings = defaultSettings();

/** What the backend is doing; see `backendInfo`. */
export interface BackendInfo extends Settings {
  /** Version of ONNX Runtime. */
  runtimeVersion: string;
  /** As Node names it, such as 'linux x64'. */
  platform: string;
  /** Graphs that have been compiled since the start: a training loop should stop adding to it after two steps. */
  compilations: number;
  /** Milliseconds that took. */
  compileMs: number;
  /** Compiled graphs that are kept now. */
  compiledGraphs: number;
  /** Operations that are recorded and have not been run. */
  pendingNodes: number;
  /** Bytes of memory that wait for use again. */
  keptBytes: number;
}

/**
 * Sets options of the backend, before or after it has been made the active one; the others stay as they are.
 * Graphs that are compiled already are compiled again when they are next run.
 *
 * @throws RangeError when a value is not allowed, TypeError when there is no such option; then nothing changes
 * @example configure({ threads: 1 });
 */
export function configure(options: OnnxOptions): void {
  checkOptions(options);
  runningBackend()?.recording.flush();
  for (const [name, value] of Object.entries(options) as [keyof OnnxOptions, unknown][]) {
    if (value !== undefined || name === 'profile') Object.assign(settings, { [name]: value });
  }
  runningBackend()?.executables.clear();
}

/** The settings, and what the backend has done so far; zeros before it has started. */
export function backendInfo(): BackendInfo {
  const backend = runningBackend();
  return {
    ...settings,
    runtimeVersion,
    platform: `${process.platform} ${process.arch}`,
    compilations: backend?.executables.compilations ?? 0,
    compileMs: backend?.executables.compileMs ?? 0,
    compiledGraphs: backend?.executables.size ?? 0,
    pendingNodes: backend?.graph.nodes ?? 0,
    keptBytes: backend?.pool.keptBytes ?? 0,
  };
}

/** Ends ONNX Runtime's profiles (option `profile`); their files can be read from then on, in chrome://tracing too. */
export function endProfiling(): void {
  runningBackend()?.executables.endProfiling();
}

function runningBackend(): OnnxBackend | undefined {
  return tf.engine().registry['onnx'] as OnnxBackend | undefined;
}
