import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { check, useBackend } from '../src';

// What this process has registered so far is tfjs's own and what the import of our package adds.
const atImport = {
  backends: Object.keys(tf.engine().registryFactory),
  wasmKernels: tf.getKernelsForBackend('wasm').length,
  einsumGradient: tf.getGradient('Einsum') as tf.GradConfig | undefined,
};

type CpuBackend = new () => tf.KernelBackend;

/** A new backend that computes as cpu does; its kernels are those that were copied to its name. */
function cpuLike(): tf.KernelBackend {
  const Cpu = tf.findBackend('cpu').constructor as CpuBackend;
  return new Cpu();
}

const added = new Set<string>();

/** Registers a backend until the end of the test. */
function register(name: string, factory: () => tf.KernelBackend | Promise<tf.KernelBackend>, priority = 1): void {
  added.add(name);
  tf.registerBackend(name, factory, priority);
  if (tf.getKernelsForBackend(name).length === 0) tf.copyRegisteredKernels('cpu', name);
}

/** What a call rejects with, which must be a BackendError. */
async function failureOf(call: Promise<unknown>): Promise<Error> {
  const error: unknown = await call.then(
    () => 'no error',
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(check.BackendError);
  return error as Error;
}

const warn = vi.spyOn(console, 'warn');

/** What was printed, without the advice of tfjs's cpu backend at its first use. */
function warnings(): string[] {
  return warn.mock.calls.map(([message]) => String(message)).filter((message) => !message.includes('Hi, looks like'));
}

beforeEach(async () => {
  warn.mockReset().mockImplementation(() => undefined);
  await useBackend('cpu');
});

afterEach(async () => {
  await tf.setBackend('cpu');
  for (const name of added) tf.removeBackend(name);
  added.clear();
});

describe('importing the package', () => {
  it('registers nothing, as its manifest promises bundlers', () => {
    expect(atImport).toEqual({ backends: ['cpu'], wasmKernels: 0, einsumGradient: undefined });
  });
});

describe('useBackend', () => {
  it.each(['cpu', 'wasm'])('makes %s the active backend, and again when called twice', async (name) => {
    for (let call = 0; call < 2; call++) {
      expect(await useBackend(name)).toMatchObject({ backend: name });
      expect(tf.getBackend()).toBe(name);
      expect(tf.tidy(() => tf.tensor1d([1, 2]).add(1))).toBeAllclose([2, 3]);
    }
    expect(warnings()).toEqual([]);
  });

  it("takes wasm for 'auto' in Node, which is the default", async () => {
    expect((await useBackend('auto')).backend).toBe('wasm');
    await useBackend('cpu');
    expect((await useBackend()).backend).toBe('wasm');
    expect(warnings()).toEqual([]);
  });

  it('gives wasm what training needs', async () => {
    expect(await useBackend('wasm')).toEqual({
      backend: 'wasm',
      compiles: false,
      trains: true,
      missingKernels: [],
      readsSynchronously: true,
      floatBits: 32,
    });
    const gradient = tf.grad((x) => tf.gather(x, tf.tensor1d([1, 1, 0], 'int32')).sum());
    expect(gradient(tf.tensor1d([5, 6, 7]))).toBeAllclose([1, 2, 0]);
  });

  it.each(['cpu', 'wasm'])('gives tf.einsum its gradient, on %s too', async (name) => {
    await useBackend(name);
    const gradient = tf.grad((x) => tf.einsum('ij,j->i', x, tf.tensor1d([2, 3])).sum());
    expect(gradient(tf.ones([2, 2]))).toBeAllclose([[2, 3], [2, 3]]); // prettier-ignore
  });

  it('leaves no tensors behind', async () => {
    await expect(() => useBackend('wasm')).toLeakNothing();
  });
});

describe('useBackend with a name that is not registered', () => {
  it.each(['quantum', 'toString', '__proto__', ''])('rejects %o and lists what is registered', async (name) => {
    const { message } = await failureOf(useBackend(name));
    const known = Object.keys(tf.engine().registryFactory).join(', ');
    expect(known).toContain('cpu');
    expect(message).toBe(
      `tensor-core.useBackend: name must be 'auto' or a registered backend (${known}), got ${JSON.stringify(name)}. ` +
        'Import the package that brings it first.',
    );
    expect(tf.getBackend()).toBe('cpu');
  });

  it.each(['webgl', 'webgpu'])('says that %s does not exist in Node', async (name) => {
    const { message } = await failureOf(useBackend(name));
    expect(message).toMatch(/, got "web\w+"\. It does not exist in this environment\.$/);
  });
});

describe('useBackend with a backend that does not start', () => {
  const why = new RangeError('no such device.');
  const failing: [string, () => tf.KernelBackend | Promise<tf.KernelBackend>][] = [
    ['throws', () => {
      throw why;
    }],
    ['rejects', () => Promise.reject(why)],
    ['rejects later', () => new Promise((_, reject) => setTimeout(() => reject(why), 5))],
  ]; // prettier-ignore

  it.each(failing)('rejects with the cause when its factory %s, and prints nothing', async (_, factory) => {
    register('broken', factory);
    const error = await failureOf(useBackend('broken'));
    expect(error.message).toBe(
      'tensor-core.useBackend: backend "broken" must start here, got the error: no such device.',
    );
    expect(error.cause).toBe(why);
    expect(warnings()).toEqual([]);
  });

  it.each(failing)('keeps the active backend when its factory %s', async (_, factory) => {
    await useBackend('wasm');
    const x = tf.tensor1d([1, 2]);
    const instance = tf.backend();
    register('broken', factory);
    await failureOf(useBackend('broken'));
    expect(tf.getBackend()).toBe('wasm');
    expect(tf.backend()).toBe(instance);
    expect(x.square()).toBeAllclose([1, 4]);
    await tf.ready();
    expect(tf.getBackend()).toBe('wasm');
  });

  it('keeps the active backend usable while another one starts', async () => {
    let started = (_: tf.KernelBackend): void => undefined;
    const factory = vi.fn(() => new Promise<tf.KernelBackend>((resolve) => (started = resolve)));
    register('slow', factory);
    const call = useBackend('slow');
    await vi.waitUntil(() => factory.mock.calls.length > 0);
    expect(tf.getBackend()).toBe('cpu');
    expect(tf.scalar(2).square()).toBeAllclose(4);
    started(cpuLike());
    expect((await call).backend).toBe('slow');
    expect(tf.getBackend()).toBe('slow');
  });

  it.each([undefined, null])('takes a factory that gives %o for a failure', async (nothing) => {
    register('hollow', () => nothing as unknown as tf.KernelBackend);
    expect((await failureOf(useBackend('hollow'))).message).toContain(`its factory gave ${nothing}.`);
    expect(tf.getBackend()).toBe('cpu');
  });

  it('goes back to the active backend when a kernel cannot be set up on the new one', async () => {
    register('unfit', cpuLike);
    const setupFunc = () => {
      throw why;
    };
    const kernel = { kernelName: 'Unfit', backendName: 'unfit', kernelFunc: () => [], setupFunc };
    tf.registerKernel(kernel);
    expect((await failureOf(useBackend('unfit'))).cause).toBe(why);
    expect(tf.getBackend()).toBe('cpu');
    expect(tf.scalar(2).square()).toBeAllclose(4);
    tf.unregisterKernel('Unfit', 'unfit');
  });

  it('tries again at the next call', async () => {
    const factory = vi.fn(cpuLike).mockImplementationOnce(() => {
      throw why;
    });
    register('moody', factory);
    await failureOf(useBackend('moody'));
    expect((await useBackend('moody')).backend).toBe('moody');
  });

  it('describes a reason that is no Error', async () => {
    register('plain', () => Promise.reject({ message: 'said so' }));
    expect((await failureOf(useBackend('plain'))).message).toMatch(/got the error: said so\.$/);
    register('bare', () => Promise.reject(42));
    expect((await failureOf(useBackend('bare'))).message).toMatch(/got the error: 42\.$/);
  });
});

describe("useBackend 'auto' with backends of the program's own", () => {
  it('prefers them by priority to those of tfjs', async () => {
    register('low', cpuLike, 1);
    register('high', cpuLike, 7);
    register('middle', cpuLike, 3);
    expect((await useBackend('auto')).backend).toBe('high');
    expect('middle' in tf.engine().registry).toBe(false);
    expect(warnings()).toEqual([]);
  });

  it('warns once for each one that fails, by name, and falls back', async () => {
    const reject = vi.fn(() => Promise.reject(new Error('no device of the first kind')));
    register('first', reject, 9);
    register('second', () => { throw new Error('no device of the second kind'); }, 8); // prettier-ignore
    expect((await useBackend('auto')).backend).toBe('wasm');
    expect(warnings()).toEqual([
      'tensor-core.useBackend: backend "first" must start here, got the error: no device of the first kind.\n' +
        'tensor-core.useBackend: backend "second" must start here, got the error: no device of the second kind.\n' +
        'tensor-core.useBackend: took wasm instead.',
    ]);
    expect((await useBackend('auto')).backend).toBe('wasm');
    expect(reject).toHaveBeenCalledTimes(2);
    expect(warnings()).toHaveLength(1);

    register('third', () => Promise.reject(new Error('no device of the third kind')), 10);
    await useBackend('auto');
    expect(warnings()).toHaveLength(2);
    expect(warnings()[1]).toMatch(/^tensor-core\.useBackend: backend "third" .*kind\.\n.*took wasm instead\.$/);
  });
});

describe('useBackend called concurrently', () => {
  it('carries the calls out in order, each with its own answer; the last one decides', async () => {
    const order: string[] = [];
    const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 20));
    register('slow', async () => {
      await slow();
      order.push('slow');
      return cpuLike();
    });
    register('quick', () => {
      order.push('quick');
      return cpuLike();
    });
    register('broken', () => Promise.reject(new Error('broken')));
    const calls = ['slow', 'broken', 'quick'].map((name) => useBackend(name));
    const answers = await Promise.allSettled(calls);
    const names = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value.backend : answer.status));
    expect(names).toEqual(['slow', 'rejected', 'quick']);
    expect(order).toEqual(['slow', 'quick']);
    expect(tf.getBackend()).toBe('quick');
  });

  it('starts a backend once, also when a tf.setBackend of it is under way', async () => {
    const factory = vi.fn(() => new Promise<tf.KernelBackend>((resolve) => setTimeout(() => resolve(cpuLike()), 5)));
    register('slow', factory);
    const ours = await Promise.all([tf.setBackend('slow'), useBackend('slow'), useBackend('slow')]);
    expect(ours[0]).toBe(true);
    expect(ours[1]).toEqual(ours[2]);
    expect(factory).toHaveBeenCalledTimes(1);
    expect(tf.getBackend()).toBe('slow');
  });
});

describe('useBackend with wasmPaths', () => {
  const dist = path.dirname(fs.realpathSync(new URL(import.meta.resolve('@tensorflow/tfjs-backend-wasm'))));
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'tfsci-wasm-'));
  const files = fs.readdirSync(dist).filter((file) => file.endsWith('.wasm'));
  for (const file of files) fs.symlinkSync(path.join(dist, file), path.join(folder, file));
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  /** The wasm files that are read when the backend starts anew. */
  async function filesRead(wasmPaths?: string | Record<string, string>): Promise<string[]> {
    await useBackend('wasm');
    const factory = tf.findBackendFactory('wasm');
    await useBackend('cpu');
    tf.removeBackend('wasm');
    tf.registerBackend('wasm', factory, 2);
    const spies = [vi.spyOn(fs, 'readFile'), vi.spyOn(fs, 'readFileSync')] as const;
    try {
      await useBackend('wasm', wasmPaths === undefined ? {} : { wasmPaths });
      expect(tf.tidy(() => tf.tensor1d([1, 2]).square())).toBeAllclose([1, 4]);
      return spies.flatMap((spy) => spy.mock.calls.map(([file]) => String(file))).filter((file) => /wasm$/.test(file));
    } finally {
      spies.forEach((spy) => spy.mockRestore());
    }
  }

  it.each([folder, `${folder}/`])('loads the binaries from the folder %s', async (wasmPaths) => {
    const read = await filesRead(wasmPaths);
    expect(read).toHaveLength(1);
    expect(path.dirname(read[0]!)).toBe(folder);
  });

  it('loads each binary from the file that is named for it', async () => {
    const map = Object.fromEntries(files.map((file) => [file, path.join(folder, `.//${file}`)]));
    const [read] = await filesRead(map);
    expect(Object.values(map)).toContain(read);
  });

  it('loads the binaries of the package again once no paths are given', async () => {
    const [read] = await filesRead();
    expect(path.dirname(read!)).not.toBe(folder);
    expect(path.dirname(fs.realpathSync(read!))).toBe(dist);
  });

  it('has no effect once the backend is up', async () => {
    await useBackend('wasm');
    expect((await useBackend('wasm', { wasmPaths: '/nowhere' })).backend).toBe('wasm');
  });

  it('rejects a map that lacks a file, and names it', async () => {
    const rest = Object.fromEntries(files.slice(1).map((file) => [file, path.join(folder, file)]));
    await expect(filesRead(rest)).rejects.toThrow(
      `options.wasmPaths must have the URL of each wasm file, got none of ${files[0]!}.`,
    );
    expect(tf.getBackend()).toBe('cpu');
  });

  it('rejects for a folder without the files, keeps the active backend, and starts with the right one after', async () => {
    const aborted = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    await expect(filesRead(path.join(folder, 'empty'))).rejects.toThrow(
      /backend "wasm" must start here, got the error: .* Serve the \.wasm files and pass their folder as options\.wasmPaths\.$/,
    );
    expect(tf.getBackend()).toBe('cpu');
    expect((await useBackend('wasm', { wasmPaths: folder })).backend).toBe('wasm');
    aborted.mockRestore();
  });
});
