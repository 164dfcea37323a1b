import type { Builder } from '../graph/builder';
import { cast } from '../graph/types';
import type { Value } from '../graph/value';
import { aligned, elementwise } from './arithmetic';
import type { Lowering, LoweringTable } from './registry';

/** Comparing, telling kinds of numbers apart, truth values, and choosing by them. */
export const comparison: LoweringTable = {
  Equal: ({ a, b }, _, graph) => elementwise(graph, aligned(graph, a!, b!), ([x, y]) => graph.equal(x!, y!)),
  NotEqual: ({ a, b }, _, graph) =>
    elementwise(graph, aligned(graph, a!, b!), ([x, y]) => graph.not(graph.equal(x!, y!))),
  Less: order('Less'),
  LessEqual: order('LessOrEqual'),
  Greater: order('Greater'),
  GreaterEqual: order('GreaterOrEqual'),

  LogicalAnd: ({ a, b }, _, graph) => graph.and(cast(graph, a!, 'bool'), cast(graph, b!, 'bool')),
  LogicalOr: ({ a, b }, _, graph) => graph.or(cast(graph, a!, 'bool'), cast(graph, b!, 'bool')),
  LogicalNot: ({ x }, _, graph) => graph.not(cast(graph, x!, 'bool')),

  IsNan: kind((x, graph) => graph.op('IsNaN', [x], 'bool', x.shape), false),
  IsInf: kind((x, graph) => graph.op('IsInf', [x], 'bool', x.shape), false),
  IsFinite: kind((x, graph) => graph.less(graph.unary('Abs', x), graph.scalar('float32', Infinity)), true),

  Select({ condition, t, e }, _, graph) {
    // A vector as the condition chooses rows.
    const rest = t!.shape.slice(1).map(() => 1);
    const chooser = condition!.rank === 1 ? graph.reshape(condition!, [condition!.shape[0]!, ...rest]) : condition!;
    const [yes, no] = aligned(graph, t!, e!);
    return elementwise(graph, [cast(graph, chooser, 'bool'), yes, no], ([c, a, b]) => choice(graph, c!, a!, b!));
  },
};

/** ONNX orders numbers alone. */
function order(op: string): Lowering {
  return ({ a, b }, _, graph) => {
    const [left, right] = aligned(graph, a!, b!).map((x) => (x.type === 'bool' ? graph.cast(x, 'int32') : x));
    return elementwise(graph, [left!, right!], ([x, y]) => graph.binary(op, x!, y!, 'bool'));
  };
}

/** @param ofIntegers  what holds for all integers */
function kind(test: (x: Value, graph: Builder) => Value, ofIntegers: boolean): Lowering {
  return ({ x }, _, graph) => {
    if (x!.type !== 'float32') return graph.fill('bool', x!.shape, ofIntegers ? 1 : 0);
    return elementwise(graph, [x!], ([value]) => test(value!, graph));
  };
}

/** ONNX Runtime does not choose between truth values. */
function choice(graph: Builder, condition: Value, yes: Value, no: Value): Value {
  if (yes.type !== 'bool') return graph.where(condition, yes, no);
  return graph.or(graph.and(condition, yes), graph.and(graph.not(condition), no));
}
