import type { Program, ProgramNode } from '../program';
import { sameShape, Value, type Attributes, type ElementType, type Shape } from '../value';

/** A program under change: nodes can be replaced, and asked who makes and who uses a value. */
export class Rewriter {
  readonly values: Value[];
  private readonly nodes: (ProgramNode | null)[];
  /** Place of the node that makes a value. */
  private readonly makers = new Map<number, number>();
  private readonly users = new Map<number, number>();
  /** Nodes to be put before the one at a place. */
  private readonly inserted = new Map<number, ProgramNode[]>();

  private readonly insertedBy = new Map<number, ProgramNode>();

  constructor(private readonly program: Program) {
    this.values = [...program.values];
    this.nodes = [...program.nodes];
    this.nodes.forEach((node, place) => {
      node!.outputs.forEach((value) => this.makers.set(value, place));
      node!.inputs.forEach((value) => this.count(value, 1));
    });
    program.outputs.forEach((value) => this.count(value, 1));
  }

  /** Calls `visit` for each node that is there, in order. */
  forEach(visit: (node: ProgramNode, place: number) => void): void {
    for (let place = 0; place < this.nodes.length; place++) {
      const node = this.nodes[place];
      if (node) visit(node, place);
    }
  }

  /** The node that makes a value, if it is one of `ops`. */
  maker(value: number, ...ops: string[]): ProgramNode | undefined {
    const place = this.makers.get(value);
    const node = place === undefined ? this.insertedBy.get(value) : this.nodes[place];
    return node && ops.includes(node.op) ? node : undefined;
  }

  /** Whether a value has one use, so that its node may be drawn into the user. */
  usedOnce(value: number): boolean {
    return this.usesOf(value) === 1;
  }

  /** Operands that are the value, and 1 if it is an output of the program. */
  usesOf(value: number): number {
    return this.users.get(value) ?? 0;
  }

  /** Puts another node at a place; what nothing uses any more is removed. */
  replace(place: number, node: ProgramNode): void {
    const old = this.nodes[place]!;
    node.inputs.forEach((value) => this.count(value, 1));
    this.nodes[place] = node;
    old.inputs.forEach((value) => this.release(value));
  }

  /** A node with one output right before a place. @returns its number */
  insertBefore(
    place: number,
    op: string,
    inputs: number[],
    type: ElementType,
    shape: Shape,
    attributes: Attributes = {},
  ): number {
    const output = this.values.push(new Value(type, shape)) - 1;
    const node: ProgramNode = { op, domain: '', attributes, inputs, outputs: [output] };
    inputs.forEach((value) => this.count(value, 1));
    this.inserted.set(place, [...(this.inserted.get(place) ?? []), node]);
    this.insertedBy.set(output, node);
    return output;
  }

  /** A value in another shape, by a node right before a place. */
  reshapeBefore(place: number, value: number, shape: Shape): number {
    const { type, shape: old } = this.values[value]!;
    if (sameShape(old, shape)) return value;
    return this.insertBefore(place, 'Reshape', [value, this.ints(shape)], type, shape);
  }

  /** A vector of int64, as shapes are given. */
  ints(elements: readonly number[]): number {
    return this.values.push(Value.constant('int64', [elements.length], BigInt64Array.from(elements, BigInt))) - 1;
  }

  /** A float32 constant. @returns its number */
  constant(shape: Shape, elements: readonly number[]): number {
    return this.values.push(Value.constant('float32', shape, Float32Array.from(elements))) - 1;
  }

  private count(value: number, change: number): void {
    if (value >= 0) this.users.set(value, (this.users.get(value) ?? 0) + change);
  }

  private release(value: number): void {
    this.count(value, -1);
    const place = this.makers.get(value);
    const node = place === undefined ? null : this.nodes[place];
    if (!node || node.outputs.some((output) => (this.users.get(output) ?? 0) > 0)) return;
    this.nodes[place!] = null;
    node.inputs.forEach((input) => this.release(input));
  }

  result(): Program {
    const nodes = this.nodes.flatMap((node, place) => [...(this.inserted.get(place) ?? []), ...(node ? [node] : [])]);
    return { ...this.program, values: this.values, nodes };
  }
}
