import type { Model, ModelNode, Port } from '../onnx/model';
import type { Attributes, Elements, Node, Storage, Value } from './value';

/** A node of a program; its operands are numbers of values, -1 for an optional input that is left out. */
export interface ProgramNode {
  op: string;
  domain: string;
  attributes: Attributes;
  inputs: number[];
  outputs: number[];
}

/** A recorded graph in topological order, without what its outputs do not need and without repeated nodes. */
export interface Program {
  /** Two programs are the same exactly if their keys are: all but the elements of the inputs is in it. */
  key: string;
  /** By number. */
  values: Value[];
  nodes: ProgramNode[];
  /** Numbers of the leaves that have a storage. */
  inputs: number[];
  /** Numbers of the values that are wanted, each once. */
  outputs: number[];
  /** For each wanted value its place in `outputs`; two that are computed alike share one. */
  places: number[];
}

/** The program that computes the values, which are outputs of nodes. */
export function programOf(wanted: readonly Value[]): Program {
  const numbering = new Numbering();
  for (const value of wanted) numbering.visit(value);
  return numbering.program(wanted);
}

class Numbering {
  private readonly values: Value[] = [];
  private readonly nodes: ProgramNode[] = [];
  private readonly inputs: number[] = [];
  private readonly numbers = new Map<Value, number>();
  private readonly done = new Set<Node>();
  /** Places in `nodes` by the text of the node; numbers of constants by theirs. */
  private readonly knownNodes = new Map<string, number>();
  private readonly constants = new Map<string, number>();
  private readonly leaves = new Map<Storage, Map<string, number>>();
  private readonly parts: string[] = [];

  visit(value: Value): void {
    if (value.node === null) {
      this.leaf(value);
      return;
    }
    // Depth first, without recursion: a chain of thousands of nodes is usual.
    const stack = [value.node];
    while (stack.length > 0) {
      const node = stack[stack.length - 1]!;
      if (this.done.has(node)) {
        stack.pop();
        continue;
      }
      const depth = stack.length;
      for (const input of node.inputs) {
        if (input?.node && !this.done.has(input.node)) stack.push(input.node);
      }
      if (stack.length > depth) continue;
      stack.pop();
      this.done.add(node);
      this.number(node);
    }
  }

  private number(node: Node): void {
    const inputs = node.inputs.map((input) => (input === null ? -1 : (this.numbers.get(input) ?? this.leaf(input))));
    let text = `${node.domain}${node.op}(${inputs.join()})`;
    for (const name in node.attributes) text += `${name}=${JSON.stringify(node.attributes[name])};`;
    const same = this.knownNodes.get(text);
    if (same !== undefined) {
      const { outputs } = this.nodes[same]!;
      node.outputs.forEach((output, i) => this.numbers.set(output, outputs[i]!));
      return;
    }
    this.knownNodes.set(text, this.nodes.length);
    // The number of outputs follows from the inputs and attributes but for Split's, so it is said.
    this.parts.push(`${text}${node.outputs.length}`);
    const outputs = node.outputs.map((output) => this.add(output));
    this.nodes.push({ op: node.op, domain: node.domain, attributes: node.attributes, inputs, outputs });
  }

  private leaf(value: Value): number {
    let number = this.numbers.get(value);
    if (number !== undefined) return number;
    const text = `${value.type}[${value.shape.join()}]`;
    const table: Map<string, number> = value.storage ? this.viewsOf(value.storage) : this.constants;
    const key = value.storage ? text : `${text}=${textOf(value.constant!)}`;
    number = table.get(key);
    if (number === undefined) {
      number = this.add(value);
      table.set(key, number);
      this.parts.push(key);
      if (value.storage) this.inputs.push(number);
    } else {
      this.numbers.set(value, number);
    }
    return number;
  }

  private viewsOf(storage: Storage): Map<string, number> {
    let views = this.leaves.get(storage);
    if (views === undefined) this.leaves.set(storage, (views = new Map<string, number>()));
    return views;
  }

  private add(value: Value): number {
    const number = this.values.length;
    this.values.push(value);
    this.numbers.set(value, number);
    return number;
  }

  program(wanted: readonly Value[]): Program {
    const outputs: number[] = [];
    const places = wanted.map((value) => {
      const number = this.numbers.get(value)!;
      const place = outputs.indexOf(number);
      return place >= 0 ? place : outputs.push(number) - 1;
    });
    const { values, nodes, inputs } = this;
    const key = `${this.parts.join('\n')}\n>${outputs.join()}`;
    return { key, values, nodes, inputs, outputs, places };
  }
}

/** Constants are short; equal text means equal bits (-0 and NaN apart, which toString would lose). */
function textOf(elements: Elements): string {
  if (!(elements instanceof Float32Array)) return elements.join();
  return new Uint32Array(elements.buffer, elements.byteOffset, elements.length).join();
}

const nameOf = (number: number): string => (number < 0 ? '' : `v${number}`);

/** The program as a model of ONNX; values are named by their numbers. */
export function modelOf(program: Program): Model {
  const { values } = program;
  const port = (number: number): Port => {
    const { type, shape } = values[number]!;
    return { name: nameOf(number), type, shape };
  };
  const used = new Set(program.nodes.flatMap(({ inputs }) => inputs));
  const constants = values.flatMap((value, number) =>
    value.constant && used.has(number) ? [{ ...port(number), elements: value.constant }] : [],
  );
  const nodes = program.nodes.map(({ op, domain, attributes, inputs, outputs }): ModelNode => ({
    op,
    domain,
    attributes,
    inputs: inputs.map(nameOf),
    outputs: outputs.map(nameOf),
  }));
  return {
    name: 'recorded',
    inputs: program.inputs.map(port),
    outputs: program.outputs.map(port),
    initializers: constants,
    nodes,
  };
}

/** The name of an input or output of `modelOf(program)`. */
export const portName = nameOf;
