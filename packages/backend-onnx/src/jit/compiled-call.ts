import * as tf from '@tensorflow/tfjs';
import type { OnnxBackend } from '../backend';
import { programOf, type Program } from '../graph/program';
import { type Storage, Value } from '../graph/value';
import { mapTensors } from './containers';
import type { Recorded, Sink, Source } from './record';
import type { Trace } from './trace';
import { unchanged } from './watch';

/** A recorded function, compiled for one signature. */
export class CompiledCall {
  readonly trace: Trace;
  /** Whether the recording holds for later calls: not when it made variables, which exist from then on. */
  readonly repeats: boolean;
  private readonly program: Program;
  /** Storages of the program's inputs that stay the same: tensors from outside, large constants. */
  private readonly fixed: Storage[];
  /** Storages that stand for arguments and variables. */
  private readonly slots: Storage[];
  private readonly variables: tf.Variable[];

  constructor(
    private readonly backend: OnnxBackend,
    private readonly recorded: Recorded,
  ) {
    const { sinks, sources, trace } = recorded;
    this.trace = trace;
    this.repeats = !sinks.some(({ sink }) => 'kept' in sink);
    this.program = programOf(sinks.map(({ value }) => value).filter(({ node }) => node !== null));
    const inputs = this.program.inputs.map((number) => this.program.values[number]!);
    const storages = new Set([...inputs, ...sinks.map(({ value }) => value)].flatMap(({ storage }) => storage ?? []));
    this.slots = [...storages].filter((storage) => sources.has(storage));
    const drawn = new Set(trace.draws.map(({ storage }) => storage));
    this.fixed = [...storages].filter((storage) => !sources.has(storage) && !drawn.has(storage));
    for (const storage of this.fixed) storage.owners++;
    const used = this.slots.flatMap((slot) => variableOf(sources.get(slot)) ?? []);
    this.variables = [...new Set([...used, ...sinks.flatMap(({ sink }) => variableOf(sink) ?? [])])];
  }

  /** Whether what was recorded still holds: its variables exist, its optimizers have the same settings. */
  isValid(): boolean {
    for (const variable of this.variables) if (variable.isDisposed) return false;
    return unchanged(this.recorded.watched);
  }

  /** @param tensors  those of the arguments of this call that are tensors */
  run(tensors: readonly tf.Tensor[]): unknown {
    const { backend, program } = this;
    const { sinks, sources, trace } = this.recorded;
    const current = new Map<Storage, Storage>();
    for (const slot of this.slots) current.set(slot, this.storageOf(sources.get(slot)!, tensors));
    const draws = trace.draws.map(({ storage, shape, fill }) => {
      const drawn = backend.filled(storage.type, shape, fill);
      // Until the results have it that want it.
      drawn.owners++;
      current.set(storage, drawn);
      return drawn;
    });
    const now = (value: Value): Storage => current.get(value.storage!) ?? value.storage!;
    const leaves = program.inputs.map((number) => {
      const value = program.values[number]!;
      return Value.leaf(now(value), value.shape);
    });
    const outputs = program.nodes.length > 0 ? backend.executables.of(program).run(leaves, backend.pool) : [];
    let computed = 0;
    const results = sinks.map(({ value }): Value => {
      if (value.node) return Value.leaf(outputs[program.places[computed++]!]!, value.shape);
      if (value.constant) return backend.leafOf(value.constant, value.type, value.shape);
      return Value.leaf(now(value), value.shape);
    });
    const made = new Map<number, tf.Tensor>();
    const delivered = this.deliver(results, tensors, made);
    for (const drawn of draws) backend.recording.drop(drawn);
    try {
      for (const effect of trace.effects) effect();
    } catch (error) {
      // Nobody gets the results.
      tf.dispose([...made.values()]);
      throw error;
    }
    return delivered;
  }

  private storageOf(source: Source, tensors: readonly tf.Tensor[]): Storage {
    const { backend } = this;
    const tensor = 'variable' in source ? source.variable : tensors[source.argument]!;
    let entry = backend.entryOf(tensor.dataId);
    if ('argument' in source && entry.complex) {
      entry = backend.entryOf((source.part === 'imag' ? entry.complex.imag : entry.complex.real).dataId);
    }
    if (entry.value!.node) backend.recording.flush(entry);
    return entry.value!.storage!;
  }

  /** Hands the values to their sinks and gives the function's result; `made` gets its new tensors by number. */
  private deliver(values: readonly Value[], tensors: readonly tf.Tensor[], made: Map<number, tf.Tensor>): unknown {
    const { backend } = this;
    const { sinks, result, resultNumbers, parameters } = this.recorded;
    const infos = new Map<number, Partial<Record<'real' | 'imag' | 'whole', tf.TensorInfo>>>();
    sinks.forEach(({ sink }, i) => {
      const value = values[i]!;
      if ('variable' in sink) backend.replace(sink.variable, value);
      else if ('kept' in sink) backend.adopt(sink.kept, value);
      else infos.set(sink.result, { ...infos.get(sink.result), [sink.part]: backend.tensor(value) });
    });
    return mapTensors(result, (tensor) => {
      const argument = parameters.indexOf(tensor);
      if (argument >= 0) return tensors[argument];
      const number = resultNumbers.get(tensor);
      if (number === undefined) return tensor;
      let own = made.get(number);
      if (own === undefined) {
        const { real, imag, whole } = infos.get(number)!;
        own = tf.engine().makeTensorFromTensorInfo(whole ?? backend.complexTensor(real!, imag!));
        made.set(number, own);
      }
      return own;
    });
  }

  dispose(): void {
    for (const storage of this.fixed) this.backend.recording.drop(storage);
  }
}

const variableOf = (end: Source | Sink | undefined): tf.Variable | undefined =>
  end && 'variable' in end ? end.variable : undefined;
