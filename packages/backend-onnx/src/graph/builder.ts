import { broadcastShape, reducedShape } from './shapes';
import {
  Node,
  sameShape,
  sizeOf,
  Storage,
  Value,
  type Attributes,
  type Elements,
  type ElementType,
  type Shape,
} from './value';

/** Type and shape of an output. */
export type OutputType = readonly [type: ElementType, shape: Shape];

/** The operators of ONNX Runtime that are not ONNX's own. */
export const MICROSOFT = 'com.microsoft';

const LONGEST_CONSTANT = 1024;

/** Operations by which a place in a loop is recognised. */
const RECENT = 16;

/**
 * Records nodes. Each method is one operator of ONNX with its rule of types and shapes, which are all known
 * while recording; types of operands must be equal where ONNX wants that (there is no casting unless asked for).
 */
export class Builder {
  /** Number of the recording under way. */
  recording = 0;
  /** Whether lowerings must do without layouts that only ONNX Runtime has: the graph is for a file. */
  portable = false;
  /** Nodes in it so far. */
  nodes = 0;

  private readonly latest: Node[] = [];

  /** A text of the last operations, with their shapes. */
  recent(): string {
    const inOrder = this.latest.map((_, i) => this.latest[(this.nodes + i) % this.latest.length]!);
    return inOrder.map(({ op, outputs }) => `${op}[${outputs[0]!.shape.join()}]`).join();
  }

  /** One node with several outputs. */
  multi(
    op: string,
    inputs: readonly (Value | null)[],
    outputs: readonly OutputType[],
    attributes: Attributes = {},
    domain = '',
  ): Value[] {
    const node = new Node(op, domain, attributes, inputs);
    this.latest[this.nodes++ % RECENT] = node;
    for (let i = 0; i < inputs.length; i++) {
      const storage = inputs[i]?.storage;
      if (storage) storage.lastUse = this.recording;
    }
    node.outputs = outputs.map(([type, shape]) => {
      const value = new Value(type, shape);
      value.node = node;
      return value;
    });
    return node.outputs;
  }

  /** One node with one output. */
  op(
    op: string,
    inputs: readonly (Value | null)[],
    type: ElementType,
    shape: Shape,
    attributes: Attributes = {},
    domain = '',
  ): Value {
    return this.multi(op, inputs, [[type, shape]], attributes, domain)[0]!;
  }

  // Constants

  /** A vector of int64, as shapes, axes and paddings are given. */
  ints(values: readonly number[]): Value {
    return Value.constant('int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  /** A constant of rank 0. */
  scalar(type: ElementType, value: number): Value {
    return this.constant(type, [], [value]);
  }

  constant(type: ElementType, shape: Shape, values: ArrayLike<number>): Value {
    return Value.constant(type, shape, elementsFrom(type, values));
  }

  /** Elements that a kernel brings along; many of them are an input, as the text of constants identifies a graph. */
  table(type: ElementType, shape: Shape, elements: Elements): Value {
    if (elements.length <= LONGEST_CONSTANT) return Value.constant(type, shape, elements);
    return Value.leaf(new Storage(elements, type), shape);
  }

  /** A constant of any shape with one value everywhere. */
  fill(type: ElementType, shape: Shape, value: number): Value {
    const one = this.constant(
      type,
      shape.map(() => 1),
      [value],
    );
    return sizeOf(shape) === 1 ? one : this.expand(one, shape);
  }

  /** 0, 1, ..., size - 1. */
  range(type: ElementType, size: number): Value {
    return this.op('Range', [this.scalar(type, 0), this.scalar(type, size), this.scalar(type, 1)], type, [size]);
  }

  // Element by element

  unary(op: string, x: Value, attributes: Attributes = {}, domain = ''): Value {
    return this.op(op, [x], x.type, x.shape, attributes, domain);
  }

  /** Two operands that broadcast; the result has the first one's type, or `type`. */
  binary(op: string, a: Value, b: Value, type: ElementType = a.type): Value {
    return this.op(op, [a, b], type, broadcastShape(a.shape, b.shape));
  }

  add = (a: Value, b: Value): Value => this.binary('Add', a, b);
  sub = (a: Value, b: Value): Value => this.binary('Sub', a, b);
  mul = (a: Value, b: Value): Value => this.binary('Mul', a, b);
  div = (a: Value, b: Value): Value => this.binary('Div', a, b);
  equal = (a: Value, b: Value): Value => this.binary('Equal', a, b, 'bool');
  less = (a: Value, b: Value): Value => this.binary('Less', a, b, 'bool');
  greater = (a: Value, b: Value): Value => this.binary('Greater', a, b, 'bool');
  and = (a: Value, b: Value): Value => this.binary('And', a, b, 'bool');
  or = (a: Value, b: Value): Value => this.binary('Or', a, b, 'bool');
  not = (x: Value): Value => this.unary('Not', x);
  neg = (x: Value): Value => this.unary('Neg', x);

  where(condition: Value, a: Value, b: Value): Value {
    return this.op(
      'Where',
      [condition, a, b],
      a.type,
      broadcastShape(condition.shape, broadcastShape(a.shape, b.shape)),
    );
  }

  cast(x: Value, type: ElementType): Value {
    if (x.type === type) return x;
    return this.op('Cast', [x], type, x.shape, { to: CAST_CODES[type] });
  }

  /** Sum, Max, Min or Mean of operands of one shape. */
  variadic(op: string, values: readonly Value[]): Value {
    return values.length === 1 ? values[0]! : this.op(op, values, values[0]!.type, values[0]!.shape);
  }

  // Shape and order

  reshape(x: Value, shape: Shape): Value {
    if (sameShape(x.shape, shape)) return x;
    if (x.constant) return Value.constant(x.type, shape, x.constant);
    if (x.storage && !x.storage.oneShape) return Value.leaf(x.storage, shape);
    return this.op('Reshape', [x, this.ints(shape)], x.type, shape);
  }

  transpose(x: Value, perm: readonly number[]): Value {
    const shape = perm.map((axis) => x.shape[axis]!);
    if (perm.every((axis, i) => axis === i)) return x;
    return this.op('Transpose', [x], x.type, shape, { perm });
  }

  expand(x: Value, shape: Shape): Value {
    if (sameShape(x.shape, shape)) return x;
    return this.op('Expand', [x, this.ints(shape)], x.type, shape);
  }

  /** Axes that are not named stay whole; ends are exclusive, steps may be negative (then an end before 0 is -(2^31)). */
  slice(
    x: Value,
    axes: readonly number[],
    starts: readonly number[],
    ends: readonly number[],
    steps: readonly number[] = axes.map(() => 1),
  ): Value {
    const shape = [...x.shape];
    axes.forEach((axis, i) => {
      const [start, end, step] = [starts[i]!, Math.max(ends[i]!, -1), steps[i]!];
      shape[axis] = Math.max(0, Math.ceil((end - start) / step));
    });
    if (sameShape(shape, x.shape) && steps.every((step) => step === 1)) return x;
    const inputs = [x, this.ints(starts), this.ints(ends), this.ints(axes), this.ints(steps)];
    return this.op('Slice', inputs, x.type, shape);
  }

  concat(values: readonly Value[], axis: number): Value {
    if (values.length === 1) return values[0]!;
    const shape = [...values[0]!.shape];
    shape[axis] = values.reduce((sum, value) => sum + value.shape[axis]!, 0);
    return this.op('Concat', values, values[0]!.type, shape, { axis });
  }

  split(x: Value, axis: number, sizes: readonly number[]): Value[] {
    if (sizes.length === 1) return [x];
    const outputs = sizes.map((size): OutputType => [x.type, x.shape.map((length, a) => (a === axis ? size : length))]);
    return this.multi('Split', [x, this.ints(sizes)], outputs, { axis });
  }

  /** @param value  what the padding holds, a scalar of x's type (mode 'constant'; default 0) */
  pad(x: Value, before: readonly number[], after: readonly number[], mode = 'constant', value?: Value): Value {
    if (before.every((n) => n === 0) && after.every((n) => n === 0)) return x;
    const shape = x.shape.map((length, axis) => length + before[axis]! + after[axis]!);
    const inputs = [x, this.ints([...before, ...after]), ...(value ? [value] : [])];
    return this.op('Pad', inputs, x.type, shape, { mode });
  }

  /** indices int32 or int64 within the axis; result [..before axis, ...indices, ..after axis]. */
  gather(x: Value, indices: Value, axis: number): Value {
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    return this.op('Gather', [x, indices], x.type, shape, { axis });
  }

  // Over axes

  /** ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd, ... */
  reduce(op: string, x: Value, axes: readonly number[], keepDims = false): Value {
    if (axes.length === 0) return x;
    const shape = reducedShape(x.shape, axes, keepDims);
    return this.op(op, [x, this.ints(axes)], x.type, shape, { keepdims: keepDims ? 1 : 0 });
  }

  // Products

  /** Over the last two axes, the others broadcast; both of rank >= 2. */
  matMul(a: Value, b: Value): Value {
    const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    return this.op('MatMul', [a, b], a.type, [...batch, a.shape.at(-2)!, b.shape.at(-1)!]);
  }

  /** a b + c of matrices, or of their transposes; c, if there is one, broadcasts to the product. */
  gemm(
    a: Value,
    b: Value,
    { transA = false, transB = false, c }: { transA?: boolean; transB?: boolean; c?: Value | undefined } = {},
  ): Value {
    const shape = [a.shape[transA ? 1 : 0]!, b.shape[transB ? 0 : 1]!];
    return this.op('Gemm', c ? [a, b, c] : [a, b], a.type, shape, { transA: transA ? 1 : 0, transB: transB ? 1 : 0 });
  }
}

/** Codes of TensorProto.DataType, as attribute `to` of Cast wants them. */
const CAST_CODES: Record<ElementType, number> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float64: 11 };

function elementsFrom(type: ElementType, values: ArrayLike<number>): Elements {
  switch (type) {
    case 'float32':
      return Float32Array.from(values);
    case 'int32':
      return Int32Array.from(values);
    case 'int64':
      return BigInt64Array.from(Array.from(values), BigInt);
    default:
      return Uint8Array.from(values);
  }
}
