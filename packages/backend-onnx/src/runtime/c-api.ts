import { join } from 'node:path';
import type koffi from 'koffi';
import { ELEMENT_CODES } from '../onnx/model';
import type { HostTensor, Ports, Session, SessionSettings } from './session';

type Koffi = typeof koffi;
/** A pointer of the library; all of them are handled as numbers. */
type Address = bigint;
/** What most functions give: 0, or the address of an error. */
type Status = Address | number;

/** Version of the C interface that is asked for; later ones only add to it. */
const API_VERSION = 16;

/**
 * Places in the table of functions, `OrtApi` of onnxruntime_c_api.h, and their types. The table only ever grows at
 * its end.
 */
const FUNCTIONS = {
  GetErrorMessage: [2, 'const char *(uintptr_t status)'],
  CreateSessionFromArray: [8, 'uintptr_t (uintptr_t env, void *model, size_t bytes, uintptr_t options, void *out)'],
  Run: [
    9,
    'uintptr_t (uintptr_t session, uintptr_t options, void *inputNames, void *inputs, size_t inputCount, ' +
      'void *outputNames, size_t outputCount, void *outputs)',
  ],
  CreateSessionOptions: [10, 'uintptr_t (void *out)'],
  SetSessionLogSeverityLevel: [22, 'uintptr_t (uintptr_t options, int level)'],
  SetSessionGraphOptimizationLevel: [23, 'uintptr_t (uintptr_t options, int level)'],
  SetIntraOpNumThreads: [24, 'uintptr_t (uintptr_t options, int threads)'],
  SetInterOpNumThreads: [25, 'uintptr_t (uintptr_t options, int threads)'],
  CreateTensorWithDataAsOrtValue: [
    49,
    'uintptr_t (uintptr_t info, void *data, size_t bytes, void *shape, size_t rank, int type, void *out)',
  ],
  CreateCpuMemoryInfo: [69, 'uintptr_t (int allocator, int memory, void *out)'],
  ReleaseStatus: [93, 'void (uintptr_t status)'],
  ReleaseSession: [95, 'void (uintptr_t session)'],
  ReleaseValue: [96, 'void (uintptr_t value)'],
  ReleaseSessionOptions: [100, 'void (uintptr_t options)'],
  CreateEnvWithGlobalThreadPools: [119, 'uintptr_t (int level, const char *name, uintptr_t threading, void *out)'],
  DisablePerSessionThreads: [120, 'uintptr_t (uintptr_t options)'],
  CreateThreadingOptions: [121, 'uintptr_t (void *out)'],
  ReleaseThreadingOptions: [122, 'void (uintptr_t threading)'],
  AddSessionConfigEntry: [130, 'uintptr_t (uintptr_t options, const char *key, const char *value)'],
  SetGlobalIntraOpNumThreads: [147, 'uintptr_t (uintptr_t threading, int threads)'],
  SetGlobalInterOpNumThreads: [148, 'uintptr_t (uintptr_t threading, int threads)'],
  SetGlobalSpinControl: [149, 'uintptr_t (uintptr_t threading, int spinning)'],
} as const satisfies Record<string, readonly [number, string]>;

type ThreadSettings = Pick<SessionSettings, 'threads' | 'spinning'>;
type Functions = Record<keyof typeof FUNCTIONS, (...args: unknown[]) => unknown>;

const LIBRARIES: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'libonnxruntime.so.1',
  darwin: 'libonnxruntime.1.dylib',
  win32: 'onnxruntime.dll',
};
const LEVELS = { disabled: 0, basic: 1, extended: 2, all: 99 };
const ERRORS_ONLY = 3;

/**
 * ONNX Runtime by its C interface, on the CPU.
 *
 * onnxruntime-node's own binding returns each output in a copy even where it was given memory to write to: that
 * costs as much as the operation for large tensors, and more than the step of an optimizer for its weights.
 */
export class CApi {
  private readonly functions: Functions;
  private env: Address = 0n;
  /** Of the environment's pool; undefined where it has none. */
  private shared: ThreadSettings | undefined;
  private readonly cpuMemory: Address;
  /** Where functions put the address of what they make. */
  private readonly out = new BigUint64Array(1);

  /** @throws Error when the library cannot be loaded */
  constructor(
    private readonly koffiModule: Koffi,
    packageFolder: string,
  ) {
    const file = LIBRARIES[process.platform];
    if (file === undefined) throw new Error(`there is no library for ${process.platform}`);
    const library = koffiModule.load(join(packageFolder, 'bin/napi-v6', process.platform, process.arch, file));
    this.functions = functionsOf(koffiModule, library);
    this.cpuMemory = this.made((out) => this.functions.CreateCpuMemoryInfo(1, 0, out));
  }

  createSession(model: Uint8Array, ports: Ports, settings: SessionSettings): Session {
    if (this.env === 0n) this.createEnvironment(settings);
    let session: Address;
    try {
      session = this.compiled(model, settings);
    } catch (error) {
      // The process has one environment: where somebody else made it, there is no pool to share.
      if (!this.shares(settings) || !String(error).includes('CreateEnvWithGlobalThreadPools')) throw error;
      this.shared = undefined;
      session = this.compiled(model, settings);
    }
    const [inputNames, outputNames] = [this.names(ports.inputs), this.names(ports.outputs)];
    return {
      run: (inputs, outputs) => this.run(session, inputNames.table, inputs, outputNames.table, outputs),
      endProfiling: () => undefined,
      release: () => {
        this.functions.ReleaseSession(session);
        inputNames.free();
        outputNames.free();
      },
    };
  }

  /**
   * One pool of threads for all sessions with the settings of the first. Threads of a session's own wait actively
   * for a while after each run, on the cores that the next session wants: two compiled functions that take turns
   * were half as fast for it.
   */
  private createEnvironment({ threads, spinning }: ThreadSettings): void {
    const threading = this.made((out) => this.functions.CreateThreadingOptions(out));
    try {
      this.check(this.functions.SetGlobalIntraOpNumThreads(threading, threads));
      this.check(this.functions.SetGlobalInterOpNumThreads(threading, 1));
      this.check(this.functions.SetGlobalSpinControl(threading, Number(spinning)));
      const { CreateEnvWithGlobalThreadPools } = this.functions;
      this.env = this.made((out) => CreateEnvWithGlobalThreadPools(ERRORS_ONLY, 'tfsci', threading, out));
    } finally {
      this.functions.ReleaseThreadingOptions(threading);
    }
    this.shared = { threads, spinning };
  }

  private shares({ isParallel, threads, spinning }: SessionSettings): boolean {
    return isParallel && this.shared?.threads === threads && this.shared.spinning === spinning;
  }

  private compiled(model: Uint8Array, settings: SessionSettings): Address {
    const options = this.options(settings);
    try {
      const { CreateSessionFromArray } = this.functions;
      return this.made((out) => CreateSessionFromArray(this.env, model, model.length, options, out));
    } finally {
      this.functions.ReleaseSessionOptions(options);
    }
  }

  private options(settings: SessionSettings): Address {
    const options = this.made((out) => this.functions.CreateSessionOptions(out));
    this.check(this.functions.SetSessionLogSeverityLevel(options, ERRORS_ONLY));
    this.check(this.functions.SetSessionGraphOptimizationLevel(options, LEVELS[settings.graphOptimization]));
    if (this.shares(settings)) {
      this.check(this.functions.DisablePerSessionThreads(options));
      return options;
    }
    this.check(this.functions.SetIntraOpNumThreads(options, settings.isParallel ? settings.threads : 1));
    this.check(this.functions.SetInterOpNumThreads(options, 1));
    const key = 'session.intra_op.allow_spinning';
    this.check(this.functions.AddSessionConfigEntry(options, key, settings.spinning ? '1' : '0'));
    return options;
  }

  private run(
    session: Address,
    inputNames: BigUint64Array,
    inputs: readonly HostTensor[],
    outputNames: BigUint64Array,
    outputs: readonly HostTensor[],
  ): void {
    const values = new BigUint64Array(inputs.length + outputs.length);
    try {
      inputs.forEach((tensor, i) => (values[i] = this.value(tensor)));
      outputs.forEach((tensor, i) => (values[inputs.length + i] = this.value(tensor)));
      const results = values.subarray(inputs.length);
      const { Run } = this.functions;
      this.check(Run(session, 0, inputNames, values, inputs.length, outputNames, outputs.length, results));
    } finally {
      for (const value of values) if (value !== 0n) this.functions.ReleaseValue(value);
    }
  }

  /** A value over the elements' memory, which must stay until it is released. */
  private value({ type, elements, shape }: HostTensor): Address {
    const lengths = BigInt64Array.from(shape, BigInt);
    const { byteLength } = elements;
    return this.made((out) =>
      this.functions.CreateTensorWithDataAsOrtValue(
        this.cpuMemory,
        elements,
        byteLength,
        lengths,
        shape.length,
        ELEMENT_CODES[type],
        out,
      ),
    );
  }

  /** The addresses of strings, in memory that stays where it is until it is freed. */
  private names(list: readonly string[]): { table: BigUint64Array; free: () => void } {
    const texts = list.map((name) => Buffer.from(`${name}\0`));
    const bytes = texts.reduce((sum, { length }) => sum + length, 0);
    const memory: unknown = this.koffiModule.alloc('char', Math.max(bytes, 1));
    const view = new Uint8Array(this.koffiModule.view(memory, bytes));
    let address = BigInt(this.koffiModule.address(memory));
    let at = 0;
    const table = BigUint64Array.from(texts, (text) => {
      view.set(text, at);
      at += text.length;
      const own = address;
      address += BigInt(text.length);
      return own;
    });
    return { table, free: () => void this.koffiModule.free(memory) };
  }

  private made(make: (out: BigUint64Array) => unknown): Address {
    this.out[0] = 0n;
    this.check(make(this.out));
    return this.out[0];
  }

  private check(status: unknown): void {
    if (!(status as Status)) return;
    const message = this.functions.GetErrorMessage(status) as string;
    this.functions.ReleaseStatus(status);
    throw new Error(message);
  }
}

function functionsOf(koffiModule: Koffi, library: ReturnType<Koffi['load']>): Functions {
  const pointers = (address: unknown, count: number): unknown[] =>
    koffiModule.decode(address, koffiModule.array('void *', count)) as unknown[];
  const callable = (pointer: unknown, type: string): ((...args: unknown[]) => unknown) =>
    koffiModule.decode(pointer, prototypeOf(koffiModule, type)) as (...args: unknown[]) => unknown;
  const base: unknown = library.func('void *OrtGetApiBase()')();
  const [getApi] = pointers(base, 1);
  const api = callable(getApi, 'void *(uint32_t version)')(API_VERSION);
  const table = pointers(api, 1 + Math.max(...Object.values(FUNCTIONS).map(([place]) => place)));
  const entries = Object.entries(FUNCTIONS).map(([name, [place, type]]) => [name, callable(table[place], type)]);
  return Object.fromEntries(entries) as Functions;
}

/** koffi wants a name of its own for each type of function. */
let types = 0;
const prototypeOf = (koffiModule: Koffi, type: string): ReturnType<Koffi['proto']> =>
  koffiModule.proto(type.replace('(', `OrtFunction${types++}(`));
