/**
 * Element types that occur in a graph. Tensors of TensorFlow.js are the first three; int64 is for shapes and
 * indices, float64 for what float32 is too coarse for in between.
 */
export type ElementType = 'float32' | 'int32' | 'bool' | 'int64' | 'uint8' | 'float64';

/** The host array of each element type. */
export type Elements = Float32Array | Int32Array | Uint8Array | BigInt64Array;

export type Shape = readonly number[];

/** An attribute of a node: integers, floats (`float`), strings or a list of integers. */
export type Attribute = number | string | readonly number[] | { float: number } | { floats: readonly number[] };
export type Attributes = Readonly<Record<string, Attribute>>;

/** A floating point attribute; a bare number is an integer. */
export const float = (value: number): { float: number } => ({ float: value });

/** One recorded operation. */
export class Node {
  outputs: Value[] = [];
  constructor(
    readonly op: string,
    /** '' is ONNX itself, 'com.microsoft' what ONNX Runtime adds. */
    readonly domain: string,
    readonly attributes: Attributes,
    /** `null` stands for an optional input that is left out. */
    readonly inputs: readonly (Value | null)[],
  ) {}
}

/** Where the elements of a leaf live; tensors of different shapes may share it. */
export class Storage {
  /** Leaf tensors that hold it; at 0 its memory may be used again. */
  owners = 0;
  /** The recording in which a node used it last; until that has run, the memory must stay as it is. */
  lastUse = -1;
  /** Writes fresh values before each run: a random draw inside a compiled function. */
  fill: ((out: Elements) => void) | undefined;

  /** Whether a change of shape must be a node: an input of a model file has one shape. */
  oneShape = false;

  constructor(
    /** `null` in a function that is being compiled: an argument or variable whose elements come with each call. */
    public elements: Elements | null,
    readonly type: ElementType,
    /** Whether `elements` came from the buffer pool and may go back to it. */
    readonly pooled = false,
  ) {}
}

/**
 * A tensor in a graph: the output of a node, or a leaf, which is a constant (part of the graph's
 * structure) or has a storage (an input of the graph).
 */
export class Value {
  /** The node that computes it; `null` for a leaf, also once a computed value has been run. */
  node: Node | null = null;
  storage: Storage | null = null;
  /** Elements of a constant. */
  constant: Elements | null = null;

  constructor(
    readonly type: ElementType,
    readonly shape: Shape,
  ) {}

  get size(): number {
    return sizeOf(this.shape);
  }

  get rank(): number {
    return this.shape.length;
  }

  static leaf(storage: Storage, shape: Shape): Value {
    const value = new Value(storage.type, shape);
    value.storage = storage;
    return value;
  }

  static constant(type: ElementType, shape: Shape, elements: Elements): Value {
    const value = new Value(type, shape);
    value.constant = elements;
    return value;
  }

  /** Makes a constant an input: its elements are no longer part of the structure. */
  free(): void {
    if (!this.constant) return;
    this.storage = new Storage(this.constant, this.type);
    this.constant = null;
  }

  /** The elements if they are known now, without a run. */
  get known(): Elements | null {
    return this.constant ?? this.storage?.elements ?? null;
  }
}

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (let axis = 0; axis < shape.length; axis++) size *= shape[axis]!;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}

const BYTES: Record<ElementType, number> = { float32: 4, int32: 4, bool: 1, int64: 8, uint8: 1, float64: 8 };

export function bytesOf(type: ElementType, shape: Shape): number {
  return BYTES[type] * sizeOf(shape);
}

/** A view of a buffer as elements of a type. */
export function elementsOver(type: ElementType, buffer: ArrayBuffer, size: number): Elements {
  switch (type) {
    case 'float32':
      return new Float32Array(buffer, 0, size);
    case 'int32':
      return new Int32Array(buffer, 0, size);
    case 'int64':
      return new BigInt64Array(buffer, 0, size);
    default:
      return new Uint8Array(buffer, 0, size);
  }
}
