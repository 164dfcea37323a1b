import { describe, expect, it } from 'vitest';
import { Builder } from '../src/graph/builder';
import { optimized } from '../src/graph/passes';
import { modelOf, portName, programOf, type Program } from '../src/graph/program';
import { sizeOf, Storage, Value, type Shape } from '../src/graph/value';
import { encodeModel } from '../src/onnx/model';
import { createSession } from '../src/runtime/ort';
import type { HostTensor } from '../src/runtime/session';

const graph = new Builder();

/** An input with elements that are no round numbers. */
function input(...shape: number[]): Value {
  const elements = Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(1 + 3 * i + shape.length));
  return Value.leaf(new Storage(elements, 'float32'), shape);
}

const number = (value: number, shape: Shape = []): Value => graph.constant('float32', shape, [value]);

function run(program: Program): number[][] {
  const settings = {
    threads: 1,
    isParallel: true,
    spinning: false,
    executionProvider: 'cpu',
    graphOptimization: 'disabled',
  } as const;
  const ports = { inputs: program.inputs.map(portName), outputs: program.outputs.map(portName) };
  const session = createSession(encodeModel(modelOf(program)), ports, settings);
  const tensor = (n: number, elements: Float32Array): HostTensor => {
    return { type: 'float32', elements, shape: program.values[n]!.shape };
  };
  const results = program.outputs.map((n) => new Float32Array(program.values[n]!.size));
  session.run(
    program.inputs.map((n) => tensor(n, program.values[n]!.storage!.elements as Float32Array)),
    program.outputs.map((n, i) => tensor(n, results[i]!)),
  );
  session.release();
  return results.map((result) => [...result]);
}

/** Checks that the passes leave the results as they are, and gives the operators that are left. */
function passes(...outputs: Value[]): string[] {
  const program = programOf(outputs);
  const after = optimized(program);
  const expected = run(program);
  run(after).forEach((result, i) => {
    result.forEach((value, j) => expect(value).toBeCloseTo(expected[i]![j]!, 5));
  });
  return after.nodes.map(({ op }) => op);
}

const product = (): Value => graph.gemm(input(4, 3), input(3, 5));

describe('drawIntoGemm', () => {
  it.each<[string, Shape]>([
    ['a row', [5]],
    ['a column', [4, 1]],
    ['a matrix', [4, 5]],
    ['a number', []],
  ])('draws in the sum with %s, from either side', (_, shape) => {
    expect(passes(graph.add(product(), input(...shape)))).toEqual(['Gemm']);
    expect(passes(graph.add(input(...shape), product()))).toEqual(['Gemm']);
  });

  it('draws in one sum, and of two products the one that can take the other', () => {
    expect(passes(graph.add(graph.add(product(), input(5)), input(4, 5)))).toEqual(['Gemm', 'Add']);
    expect(passes(graph.add(product(), graph.gemm(input(4, 2), input(2, 5))))).toEqual(['Gemm', 'Gemm']);
  });

  it('draws in a known factor, before a sum', () => {
    expect(passes(graph.mul(product(), number(0.25)))).toEqual(['Gemm']);
    expect(passes(graph.add(graph.mul(number(0.25), product()), input(5)))).toEqual(['Gemm']);
  });

  it('leaves a factor after a sum, which it would have to scale as well', () => {
    expect(passes(graph.mul(graph.add(product(), input(5)), number(2)))).toEqual(['Gemm', 'Mul']);
  });

  it('leaves a product that is wanted itself, and sums that widen it', () => {
    const wanted = product();
    expect(passes(wanted, graph.add(wanted, input(5)))).toEqual(['Gemm', 'Add']);
    expect(passes(graph.add(product(), input(2, 4, 5)))).toEqual(['Gemm', 'Add']);
    expect(passes(graph.add(graph.gemm(input(1, 3), input(3, 5)), input(4, 5)))).toEqual(['Gemm', 'Add']);
  });
});

describe('mergeScalars', () => {
  const { mul, div } = graph;
  const x = (): Value => input(6, 7);
  const large = (program: string[]): number => program.length;

  it.each<[string, () => Value]>([
    ['(x s) t', () => mul(mul(x(), number(3)), number(0.7))],
    ['(s x) / t', () => div(mul(number(3), x()), number(0.7))],
    ['(x / s) t', () => mul(div(x(), number(3)), number(0.7))],
    ['(x / s) / t', () => div(div(x(), number(3)), number(0.7))],
    ['with a number that is not known', () => mul(div(x(), input()), number(0.7))],
  ])('makes one pass of %s', (_, make) => {
    const value = make();
    const onNumbers = programOf([value]).nodes.length;
    const program = optimized(programOf([value]));
    const passesOverX = program.nodes.filter(({ outputs }) => program.values[outputs[0]!]!.size > 1);
    expect(onNumbers).toBe(2);
    expect(passesOverX.length).toBe(1);
    passes(value);
  });

  it('carries a factor through a quotient', () => {
    const value = mul(div(div(x(), input()), input(6, 7)), number(-0.01));
    const program = optimized(programOf([value]));
    expect(program.nodes.filter(({ outputs }) => program.values[outputs[0]!]!.size > 1).length).toBe(2);
    passes(value);
  });

  it('leaves numbers that could overflow together, or are not known', () => {
    expect(large(passes(mul(mul(x(), number(1e-30)), number(1e-30))))).toBe(2);
    expect(large(passes(mul(mul(x(), input()), input(1))))).toBe(2);
  });

  it('leaves a result that is wanted itself', () => {
    const half = mul(x(), number(0.5));
    expect(large(passes(half, mul(half, number(3))))).toBe(2);
  });

  it('leaves integers alone', () => {
    const integers = Value.leaf(new Storage(Int32Array.from([1, 2, 3]), 'int32'), [3]);
    const two = graph.constant('int32', [], [2]);
    expect(optimized(programOf([div(div(integers, two), two)])).nodes.length).toBe(2);
  });
});

describe('widenBroadcasts', () => {
  it.each<[Shape, Shape]>([
    [
      [4, 32, 4, 2],
      [4, 1, 4, 1],
    ],
    [[16, 8, 8, 8], [8]],
    [
      [6, 50, 3],
      [6, 1, 3],
    ],
    [
      [2, 300, 7],
      [300, 1],
    ],
    [
      [512, 5],
      [512, 1],
    ],
    [
      [1, 64, 2, 2],
      [1, 1, 2, 1],
    ],
  ])('leaves results of %j with %j as they are, from either side', (whole, narrow) => {
    for (const op of ['add', 'sub', 'mul', 'div'] as const) {
      passes(graph[op](input(...whole), input(...narrow)));
      passes(graph[op](input(...narrow), input(...whole)));
    }
  });

  it('makes runs longer where they are short and the other operand is small', () => {
    expect(passes(graph.sub(input(32, 64, 4, 2), input(32, 1, 4, 1)))).toContain('Expand');
    expect(passes(graph.sub(input(32, 64), input(32, 1)))).toEqual(['Sub']);
    expect(passes(graph.sub(input(32, 64), input(64)))).toEqual(['Sub']);
    expect(passes(graph.sub(input(3, 8), input(8)))).toEqual(['Sub']);
  });
});

describe('fuseLayerNorms', () => {
  const { add, div, mul, sub } = graph;
  const mean = (x: Value): Value => div(graph.reduce('ReduceSum', x, [x.rank - 1], true), number(x.shape.at(-1)!));
  const parts = (x: Value): { centred: Value; factor: Value } => {
    const centred = sub(x, mean(x));
    const deviation = graph.unary('Sqrt', add(mean(mul(centred, centred)), number(1e-5)));
    return { centred, factor: graph.unary('Reciprocal', deviation) };
  };
  const norm = (x: Value): Value => {
    const { centred, factor } = parts(x);
    return mul(centred, factor);
  };

  it('makes one operator of it, with scale and shift', () => {
    expect(passes(norm(input(6, 7)))).toEqual(['LayerNormalization']);
    expect(passes(mul(norm(input(2, 6, 7)), input(7)))).toEqual(['LayerNormalization']);
    expect(passes(add(norm(input(6, 7)), input(7)))).toEqual(['LayerNormalization']);
    expect(passes(add(input(7), mul(input(7), norm(input(6, 7)))))).toEqual(['LayerNormalization']);
  });

  it('leaves a second shift, a scale after the shift, and a scale by row', () => {
    expect(passes(add(add(norm(input(6, 7)), input(7)), input(7)))).toEqual(['LayerNormalization', 'Add']);
    expect(passes(mul(add(norm(input(6, 7)), input(7)), input(7)))).toEqual(['LayerNormalization', 'Mul']);
    expect(passes(mul(norm(input(6, 7)), input(6, 1)))).toEqual(['LayerNormalization', 'Mul']);
  });

  it('leaves it where something else wants what is in between, as gradients do', () => {
    const { centred, factor } = parts(input(6, 7));
    expect(passes(mul(centred, factor), centred)).not.toContain('LayerNormalization');
    const again = parts(input(6, 7));
    expect(passes(mul(again.centred, again.factor), again.factor)).not.toContain('LayerNormalization');
  });

  it('leaves other means', () => {
    const x = input(6, 7);
    const centred = sub(x, div(graph.reduce('ReduceSum', x, [1], true), number(8)));
    const factor = graph.unary('Reciprocal', graph.unary('Sqrt', add(mean(mul(centred, centred)), number(1))));
    expect(passes(mul(centred, factor))).not.toContain('LayerNormalization');
  });
});
