import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Attribute, Attributes, Elements, ElementType, Shape } from '../graph/value';

/** A named tensor of a model: an input or an output. */
export interface Port {
  name: string;
  type: ElementType;
  shape: Shape;
}

/** A named constant. */
export interface Initializer extends Port {
  elements: Elements;
}

/** A node by the names of what goes in and out; '' stands for an optional input that is left out. */
export interface ModelNode {
  op: string;
  domain: string;
  attributes: Attributes;
  inputs: readonly string[];
  outputs: readonly string[];
}

/** What a model file holds. */
export interface Model {
  name: string;
  inputs: readonly Port[];
  outputs: readonly Port[];
  initializers: readonly Initializer[];
  /** In topological order. */
  nodes: readonly ModelNode[];
}

/** Version of the operators of ONNX that the lowerings are written for. */
export const OPSET = 21;
/** Version of the file format that goes with it. */
const IR_VERSION = 10;
/** protobuf's own limit for a message. */
const LARGEST_MODEL = 2 ** 31 - 1;

/** TensorProto.DataType, which ONNX Runtime counts by as well. */
export const ELEMENT_CODES: Record<ElementType, number> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
};
const ATTRIBUTE_CODES = { float: 1, int: 2, string: 3, floats: 6, ints: 7 };

const message = (writer: BinaryWriter, field: number): BinaryWriter =>
  writer.tag(field, WireType.LengthDelimited).fork();
const text = (writer: BinaryWriter, field: number, value: string): BinaryWriter =>
  writer.tag(field, WireType.LengthDelimited).string(value);
const int = (writer: BinaryWriter, field: number, value: number): BinaryWriter =>
  writer.tag(field, WireType.Varint).int64(value);

/**
 * A model as a serialised ModelProto of ONNX.
 *
 * Field numbers are those of onnx.proto, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
 * @throws RangeError when the constants alone exceed the 2 GiB that protobuf allows
 */
export function encodeModel(model: Model): Uint8Array {
  const bytes = model.initializers.reduce((sum, { elements }) => sum + elements.byteLength, 0);
  if (bytes > LARGEST_MODEL) {
    throw new RangeError(
      `backend-onnx: the constants of a model must take less than 2 GiB (the limit of its format), got ${bytes} bytes. ` +
        'Pass large tensors as inputs.',
    );
  }
  const writer = new BinaryWriter();
  int(writer, 1, IR_VERSION);
  text(writer, 2, 'tfsci');
  message(writer, 7);
  writeGraph(writer, model);
  writer.join();
  const domains = new Set(model.nodes.map(({ domain }) => domain).filter((domain) => domain !== ''));
  writeOpset(writer, '', OPSET);
  for (const domain of domains) writeOpset(writer, domain, 1);
  return writer.finish();
}

function writeOpset(writer: BinaryWriter, domain: string, version: number): void {
  message(writer, 8);
  text(writer, 1, domain);
  int(writer, 2, version);
  writer.join();
}

function writeGraph(writer: BinaryWriter, { name, nodes, initializers, inputs, outputs }: Model): void {
  for (const node of nodes) writeNode(message(writer, 1), node).join();
  text(writer, 2, name);
  for (const constant of initializers) writeTensor(message(writer, 5), constant).join();
  for (const port of inputs) writePort(message(writer, 11), port).join();
  for (const port of outputs) writePort(message(writer, 12), port).join();
}

function writeNode(writer: BinaryWriter, node: ModelNode): BinaryWriter {
  for (const input of node.inputs) text(writer, 1, input);
  for (const output of node.outputs) text(writer, 2, output);
  text(writer, 4, node.op);
  for (const name in node.attributes) writeAttribute(message(writer, 5), name, node.attributes[name]!).join();
  if (node.domain !== '') text(writer, 7, node.domain);
  return writer;
}

function writeAttribute(writer: BinaryWriter, name: string, value: Attribute): BinaryWriter {
  text(writer, 1, name);
  const ofType = (code: number): BinaryWriter => int(writer, 20, code);
  if (typeof value === 'number') return ofType(ATTRIBUTE_CODES.int) && int(writer, 3, value);
  if (typeof value === 'string') return ofType(ATTRIBUTE_CODES.string) && text(writer, 4, value);
  if ('float' in value) return ofType(ATTRIBUTE_CODES.float).tag(2, WireType.Bit32).float(value.float);
  if ('floats' in value) {
    ofType(ATTRIBUTE_CODES.floats);
    for (const element of value.floats) writer.tag(7, WireType.Bit32).float(element);
    return writer;
  }
  ofType(ATTRIBUTE_CODES.ints);
  for (const element of value) int(writer, 8, element);
  return writer;
}

function writeTensor(writer: BinaryWriter, { name, type, shape, elements }: Initializer): BinaryWriter {
  for (const length of shape) int(writer, 1, length);
  int(writer, 2, ELEMENT_CODES[type]);
  text(writer, 8, name);
  const bytes = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  return writer.tag(9, WireType.LengthDelimited).bytes(bytes);
}

function writePort(writer: BinaryWriter, { name, type, shape }: Port): BinaryWriter {
  text(writer, 1, name);
  message(message(writer, 2), 1);
  int(writer, 1, ELEMENT_CODES[type]);
  message(writer, 2);
  for (const length of shape) int(message(writer, 1), 1, length).join();
  // The shape, the tensor type, the type.
  return writer.join().join().join();
}
