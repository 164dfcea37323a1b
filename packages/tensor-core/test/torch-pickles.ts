import { expect } from 'vitest';
import { FormatError } from '../src/check';
import { isArrayEntry, type ReadTorchOptions, readTorch } from '../src/io/torch/torch';
import { writeZip } from '../src/io/zip/write';

// Pickles and PyTorch files put together by hand, opcode by opcode.

const uint = (width: number, value: number): number[] =>
  Array.from({ length: width }, (_, i) => Math.floor(value / 256 ** i) % 256);

export const str = (text: string): number[] => {
  const bytes = new TextEncoder().encode(text);
  return [0x58, ...uint(4, bytes.length), ...bytes];
};
export const int = (value: number): number[] => [0x4a, ...uint(4, value >>> 0)];
/** An integer of 8 bytes, by LONG1. */
export const long = (value: bigint): number[] => [
  ...[0x8a, 8],
  ...new Uint8Array(BigInt64Array.of(BigInt.asIntN(64, value)).buffer),
];
export const tuple = (...items: number[][]): number[] => [0x28, ...items.flat(), 0x74];
export const list = (...items: number[][]): number[] => [0x5d, 0x28, ...items.flat(), 0x65];
export const dict = (...pairs: [number[], number[]][]): number[] => [0x7d, 0x28, ...pairs.flat(2), 0x75];
export const global = (module: string, name: string): number[] => [
  0x63,
  ...new TextEncoder().encode(`${module}\n${name}\n`),
];
export const call = (callee: number[], ...args: number[][]): number[] => [...callee, ...tuple(...args), 0x52];
export const none = [0x4e];

/** A whole pickle of protocol 2 around the opcodes of one value. */
export const pickle = (...opcodes: number[][]): Uint8Array => Uint8Array.from([0x80, 2, ...opcodes.flat(), 0x2e]);

export const storage = (key: string, length: number, type = 'FloatStorage', module = 'torch'): number[] => [
  ...tuple(str('storage'), global(module, type), str(key), str('cpu'), long(BigInt(length))),
  0x51,
];

const numbers = (values: number[]): number[] => tuple(...values.map((value) => long(BigInt(value))));

export const tensor = (
  held: number[],
  offset: number,
  shape: number[],
  strides: number[],
  ...more: number[][]
): number[] =>
  call(
    global('torch._utils', '_rebuild_tensor_v2'),
    held,
    long(BigInt(offset)),
    numbers(shape),
    numbers(strides),
    [0x89],
    [0x7d],
    ...more,
  );

/** A PyTorch file of a pickle and storages. */
export function torchBytes(
  contents: Uint8Array,
  storages: Record<string, Uint8Array> = {},
  more: Record<string, string> = {},
): Uint8Array {
  return writeZip([
    { name: 'archive/data.pkl', bytes: contents },
    ...Object.entries(storages).map(([key, bytes]) => ({ name: `archive/data/${key}`, bytes })),
    ...Object.entries(more).map(([name, text]) => ({ name: `archive/${name}`, bytes: new TextEncoder().encode(text) })),
  ]);
}

/** What a file of a pickle and storages holds. */
export const readBytes = (contents: Uint8Array, storages?: Record<string, Uint8Array>): unknown =>
  readTorch(torchBytes(contents, storages)).value;

/** What a pickle without tensors holds. */
export const valueOf = (opcodes: number[], options?: ReadTorchOptions): unknown =>
  readTorch(torchBytes(pickle(opcodes)), options).value;

/** What generate.py says of a value, see there. */
export type Description =
  | { tensor: string; shape: number[]; bytes: string }
  | { record: Record<string, Description> }
  | { map: [Description, Description][] }
  | { set: Description[] }
  | { list: Description[] }
  | { bytes: string }
  | { int: string }
  | { float: string }
  | { value: unknown };

const hex = (view: ArrayBufferView): string =>
  Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('hex');

/** Requires that a value read with keepBits is the one described, bit for bit. */
export function expectValue(value: unknown, description: Description, path = ''): void {
  const all = (values: unknown[], wanted: Description[]): void => {
    expect(values.length, path).toBe(wanted.length);
    wanted.forEach((one, i) => expectValue(values[i], one, `${path}[${i}]`));
  };
  if ('tensor' in description) {
    if (!isArrayEntry(value)) throw new Error(`${path} is no tensor`);
    expect([value.dtype, value.shape], path).toEqual([description.tensor, description.shape]);
    expect(hex(value.data), path).toBe(description.bytes);
  } else if ('record' in description) {
    const record = value as Record<string, unknown>;
    expect(Object.getPrototypeOf(record), path).toBe(null);
    expect(Object.keys(record).sort(), path).toEqual(Object.keys(description.record).sort());
    for (const [key, one] of Object.entries(description.record)) expectValue(record[key], one, `${path}.${key}`);
  } else if ('map' in description) {
    const entries = [...(value as Map<unknown, unknown>)];
    expect(value, path).toBeInstanceOf(Map);
    all(entries.flat(), description.map.flat());
  } else if ('set' in description) {
    expect(value, path).toBeInstanceOf(Set);
    all([...(value as Set<unknown>)], description.set);
  } else if ('list' in description) {
    all(value as unknown[], description.list);
  } else if ('bytes' in description) {
    expect(hex(value as Uint8Array), path).toBe(description.bytes);
  } else if ('int' in description) {
    const exact = BigInt(description.int);
    const small = exact >= Number.MIN_SAFE_INTEGER && exact <= Number.MAX_SAFE_INTEGER;
    expect(value, path).toBe(small ? Number(exact) : exact);
  } else if ('float' in description) {
    expect(hex(Float64Array.of(value as number)), path).toBe(description.float);
  } else {
    expect(value, path).toEqual(description.value);
  }
}

/** The FormatError that a call throws. */
export function refusalOf(read: () => unknown): FormatError {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    return error as FormatError;
  }
  throw new Error('nothing was thrown');
}
