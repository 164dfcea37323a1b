import * as tf from '@tensorflow/tfjs';
import { OnnxBackend } from '../backend';
import { modelOf, portName, programOf, type Program } from '../graph/program';
import type { Value } from '../graph/value';
import { flatten } from '../jit/containers';
import { record, type Recorded } from '../jit/record';
import { encodeModel, type Initializer, type Model, type Port } from '../onnx/model';
import { standardized } from './standard';

/** What can be exported: a model, or a function of tensors. */
export type Exportable = tf.LayersModel | ((...inputs: never[]) => unknown);

/** Options of `toOnnx`. */
export interface ToOnnxOptions {
  /** Name of the graph; default 'tfsci'. */
  name?: string;
  /** Names of the inputs in order; default the model's, or input0, input1, ... */
  inputNames?: readonly string[];
  /** Names of the outputs in order; default the model's, the keys of the function's result, or output0, output1, ... */
  outputNames?: readonly string[];
}

const WHERE = 'backend-onnx.toOnnx';

/**
 * A model or function as the bytes of an .onnx file: standard operators (opset 21), its variables as initializers.
 *
 * The function is recorded like one of `jit`, with inputs of the given shapes, which are those of the file.
 *
 * @param target  a tf.LayersModel (in inference mode), or a function of tensors that gives tensors, `jit` or not
 * @param inputs  the arguments, of the shapes and dtypes that the file is for; their values do not matter
 * @returns a serialised ModelProto: write it to a file, or hand it to onnxruntime
 * @throws TypeError when target is neither; RangeError for wrong names or more than 2 GiB; Error when the onnx
 *   backend is not active, or the function reads values, assigns variables, draws random numbers or uses operations
 *   without a counterpart in ONNX
 * @example writeFileSync('model.onnx', toOnnx(model, [tf.zeros([1, 224, 224, 3])]));
 */
export function toOnnx(target: Exportable, inputs: readonly tf.Tensor[], options: ToOnnxOptions = {}): Uint8Array {
  const backend = tf.backend();
  if (!(backend instanceof OnnxBackend)) {
    throw new Error(
      `${WHERE}: the onnx backend must be active, got ${tf.getBackend()}. await tf.setBackend('onnx') first.`,
    );
  }
  const recorded = record(backend, asFunction(target), [...inputs], true);
  check(recorded);
  const values = resultValues(recorded);
  const program = programOf(values.map((value) => (value.node ? value : backend.graph.unary('Identity', value))));
  // A sequential model has its names only once it has been applied.
  const model = typeof target === 'function' ? undefined : target;
  const resultNames = options.outputNames ?? model?.outputNames ?? keysOf(recorded.result);
  const names = {
    inputs: namesOf('inputNames', options.inputNames ?? model?.inputNames, inputs.length, 'input'),
    outputs: namesOf('outputNames', resultNames, values.length, 'output'),
  };
  const rankOf = new Map(program.values.map(({ rank }, number) => [portName(number), rank]));
  const standard = standardized(modelOf(program), (name) => rankOf.get(name)!);
  return encodeModel(named(standard, program, recorded, names, options.name ?? 'tfsci'));
}

function asFunction(target: Exportable): (...inputs: never[]) => unknown {
  if (typeof target === 'function') return target;
  if (typeof (target as Partial<tf.LayersModel> | undefined)?.apply !== 'function') {
    throw new TypeError(`${WHERE}: target must be a tf.LayersModel or a function, got ${typeof target}.`);
  }
  return (...inputs: tf.Tensor[]): unknown => target.apply(inputs, { training: false });
}

function check({ sinks, trace, result }: Recorded): void {
  if (sinks.some(({ sink }) => !('result' in sink))) {
    throw new Error(
      `${WHERE}: the function must not make or assign variables. Export the part that computes its result.`,
    );
  }
  if (trace.draws.length > 0) {
    throw new Error(`${WHERE}: the function must not draw random numbers. Make the draw an argument.`);
  }
  const { tensors } = flatten(result);
  if (tensors.length === 0) throw new Error(`${WHERE}: the function must give at least one tensor, got none.`);
}

/** The values of the result's tensors, in order. */
function resultValues({ result, resultNumbers, sinks }: Recorded): Value[] {
  return flatten(result).tensors.map((tensor) => {
    const number = resultNumbers.get(tensor);
    const found = sinks.find(({ sink }) => 'result' in sink && sink.result === number && sink.part === 'whole');
    if (found) return found.value;
    throw new Error(
      `${WHERE}: the function must give real tensors that it computes, got one of its arguments or a complex one.`,
    );
  });
}

function keysOf(result: unknown): string[] | undefined {
  if (typeof result !== 'object' || result === null || result instanceof tf.Tensor || Array.isArray(result))
    return undefined;
  return Object.keys(result);
}

function namesOf(option: string, names: readonly string[] | undefined, count: number, stem: string): readonly string[] {
  const list = names ?? Array.from({ length: count }, (_, i) => `${stem}${i}`);
  if (list.length !== count || new Set(list).size !== count || list.includes('')) {
    throw new RangeError(`${WHERE}: options.${option} must be ${count} different names, got ${JSON.stringify(list)}.`);
  }
  return list;
}

/** The program as a model with names that a reader knows: of inputs, outputs and variables. */
function named(
  model: Model,
  program: Program,
  { sources, parameters }: Recorded,
  names: { inputs: readonly string[]; outputs: readonly string[] },
  name: string,
): Model {
  // Results that are computed alike are one value; the second name gets a node of its own.
  const first = new Map<number, string>();
  const copies: Model['nodes'][number][] = [];
  const outputs = program.places.map((place, i): Port => {
    const output = names.outputs[i]!;
    const same = first.get(place);
    if (same === undefined) first.set(place, output);
    else copies.push({ op: 'Identity', domain: '', attributes: {}, inputs: [same], outputs: [output] });
    return { ...model.outputs[place]!, name: output };
  });
  const renamed = new Map(program.outputs.map((number, place) => [portName(number), first.get(place)!]));
  const taken = new Set([...names.inputs, ...names.outputs]);
  const weights: Initializer[] = [];
  for (const number of program.inputs) {
    const { storage, type, shape } = program.values[number]!;
    const source = sources.get(storage!);
    const old = portName(number);
    if (source && 'argument' in source) {
      renamed.set(old, names.inputs[source.argument]!);
    } else {
      const elements = source ? (source.variable.dataSync() as Float32Array) : storage!.elements!;
      renamed.set(old, unused(source?.variable.name ?? old, taken));
      weights.push({ name: old, type, shape, elements });
    }
  }
  const to = (old: string): string => renamed.get(old) ?? old;
  const rename = <P extends Port>(port: P): P => ({ ...port, name: to(port.name) });
  // All of them, also those that the result does not depend on.
  const inputs = parameters.map(({ dtype, shape }, i) => ({
    name: names.inputs[i]!,
    type: dtype as Port['type'],
    shape,
  }));
  return {
    name,
    inputs,
    outputs,
    initializers: [...model.initializers, ...weights].map(rename),
    nodes: [
      ...model.nodes.map((node) => ({ ...node, inputs: node.inputs.map(to), outputs: node.outputs.map(to) })),
      ...copies,
    ],
  };
}

function unused(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`;
  taken.add(name);
  return name;
}
