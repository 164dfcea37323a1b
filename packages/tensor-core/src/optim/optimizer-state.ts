import * as tf from '@tensorflow/tfjs';
import { argumentMessage, FormatError, ShapeError } from '../check';

/** A tensor with its name, as tf.Optimizer saves its state. */
export interface NamedTensor {
  name: string;
  tensor: tf.Tensor;
}

/** What an optimiser keeps for one variable. */
export interface Slot<Name extends string> {
  /** Steps taken, float32 []; one for all variables that joined in the same step. */
  counter: tf.Variable;
  /** Tensors of the variable's shape. */
  tensors: Record<Name, tf.Variable>;
}

const STEPS = 'steps';

/** The state of an optimiser on the device: tensors for each variable, and numbers for all together. */
export class OptimizerState<Name extends string, Scalar extends string> {
  private slots = new Map<tf.Variable, { label: string; slot: Slot<Name> }>();
  private numbers: Record<Scalar, tf.Variable> | null = null;
  /** What was restored and no variable has claimed yet. */
  private restored = new Map<string, Slot<Name>>();
  private unnamed = 0;

  constructor(
    private readonly where: string,
    private readonly prefix: string,
    private readonly names: readonly Name[],
    private readonly initial: Readonly<Record<Scalar, number>>,
  ) {}

  /**
   * The slots of the variables of a step; those that are new start from 0, or from what was restored for them.
   *
   * @param nameOf  the variable's name in its model, if known; others are told apart by the order in which they come
   * @throws ShapeError when what was restored does not fit
   */
  slotsOf(variables: readonly tf.Variable[], nameOf: (variable: tf.Variable) => string | undefined): Slot<Name>[] {
    let counter: tf.Variable | null = null;
    return variables.map((variable) => {
      const known = this.slots.get(variable);
      // A compiled function that failed while it was recorded has disposed of what it made.
      if (known && !isGone(known.slot)) return known.slot;
      const label = known?.label ?? nameOf(variable) ?? String(this.unnamed++);
      const slot = this.claim(label, variable) ?? {
        counter: (counter ??= variableOf(() => tf.scalar(0))),
        tensors: this.perName(() => variableOf(() => tf.zerosLike(variable))),
      };
      this.slots.set(variable, { label, slot });
      return slot;
    });
  }

  /** The numbers, as scalar variables. */
  scalars(): Record<Scalar, tf.Variable> {
    const known = this.numbers;
    if (known !== null && !this.scalarNames.some((name) => known[name].isDisposed)) return known;
    const made = this.scalarNames.map((name) => [name, variableOf(() => tf.scalar(this.initial[name]))] as const);
    return (this.numbers = Object.fromEntries(made) as Record<Scalar, tf.Variable>);
  }

  /** The whole state as tensors of its own: `<prefix>/steps/<label>`, `<prefix>/<name>/<label>`, `<prefix>/<scalar>`. */
  save(): NamedTensor[] {
    const numbers = Object.entries<tf.Variable>(this.numbers ?? {});
    const slots: [string, Slot<Name>][] = [...this.slots.values()].map(({ label, slot }) => [label, slot]);
    return [
      ...numbers.map(([name, tensor]) => ({ name: `${this.prefix}/${name}`, tensor: tensor.clone() })),
      ...[...slots, ...this.restored].flatMap(([label, { counter, tensors }]) => [
        { name: `${this.prefix}/${STEPS}/${label}`, tensor: counter.clone() },
        ...this.names.map((name) => ({ name: `${this.prefix}/${name}/${label}`, tensor: tensors[name].clone() })),
      ]),
    ];
  }

  /**
   * Replaces the state by what `save` gave; the tensors stay the caller's.
   *
   * @throws FormatError when names or values are not those of such a state; nothing is changed then
   */
  async restore(tensors: readonly NamedTensor[]): Promise<void> {
    const { numbers, slots } = this.sorted(tensors);
    const steps = await Promise.all(slots.map(async ([label, found]) => this.stepsOf(label, found)));
    this.dispose();
    const counters = new Map<number, tf.Variable>();
    slots.forEach(([label, found], i) => {
      const count = steps[i]!;
      const counter = counters.get(count) ?? variableOf(() => tf.scalar(count));
      counters.set(count, counter);
      this.restored.set(label, { counter, tensors: this.perName((name) => variableOf(() => found[name]!.clone())) });
    });
    if (Object.keys(numbers).length > 0) {
      const made = Object.entries(numbers).map(([name, tensor]) => [name, variableOf(() => tensor.clone())] as const);
      this.numbers = Object.fromEntries(made) as Record<Scalar, tf.Variable>;
    }
  }

  dispose(): void {
    const slots = [...[...this.slots.values()].map(({ slot }) => slot), ...this.restored.values()];
    const owned = new Set(slots.flatMap(({ counter, tensors }) => [counter, ...Object.values<tf.Variable>(tensors)]));
    for (const variable of Object.values<tf.Variable>(this.numbers ?? {})) owned.add(variable);
    for (const variable of owned) if (!variable.isDisposed) variable.dispose();
    this.slots.clear();
    this.restored.clear();
    this.numbers = null;
    this.unnamed = 0;
  }

  private get scalarNames(): Scalar[] {
    return Object.keys(this.initial) as Scalar[];
  }

  private perName(make: (name: Name) => tf.Variable): Record<Name, tf.Variable> {
    return Object.fromEntries(this.names.map((name) => [name, make(name)])) as Record<Name, tf.Variable>;
  }

  private claim(label: string, { name, shape }: tf.Variable): Slot<Name> | undefined {
    const slot = this.restored.get(label);
    const misfit = slot && Object.values<tf.Variable>(slot.tensors).find((t) => String(t.shape) !== String(shape));
    if (misfit) {
      const wanted = `have the shape of its variable ${name} ([${shape.join(', ')}])`;
      const fix = 'Restore the state of the same model.';
      throw new ShapeError(argumentMessage(this.where, `the restored state ${label}`, wanted, misfit, fix));
    }
    this.restored.delete(label);
    return slot;
  }

  /** The tensors of a saved state by what they belong to. */
  private sorted(tensors: readonly NamedTensor[]) {
    const numbers: Record<string, tf.Tensor> = {};
    const slots = new Map<string, Record<string, tf.Tensor>>();
    for (const { name, tensor } of tensors) {
      const [prefix, field, ...rest] = name.split('/');
      if (prefix !== this.prefix || field === undefined) throw this.bad(`a tensor named ${name}`);
      if (rest.length === 0) {
        if (!(field in this.initial) || tensor.size !== 1) throw this.bad(`a tensor named ${name}`);
        numbers[field] = tensor;
        continue;
      }
      const label = rest.join('/');
      const found = slots.get(label) ?? {};
      found[field] = tensor;
      slots.set(label, found);
    }
    const count = Object.keys(numbers).length;
    if (count > 0 && count < this.scalarNames.length) throw this.bad(`only ${Object.keys(numbers).join(', ')}`);
    for (const [label, found] of slots) {
      const wanted = [STEPS, ...this.names];
      if (wanted.length !== Object.keys(found).length || wanted.some((name) => !(name in found))) {
        throw this.bad(`${Object.keys(found).join(', ')} for ${label}`);
      }
    }
    return { numbers, slots: [...slots] };
  }

  private async stepsOf(label: string, found: Record<string, tf.Tensor>): Promise<number> {
    const steps = (await found[STEPS]!.data())[0]!;
    if (Number.isInteger(steps) && steps >= 0) return steps;
    throw this.bad(`${steps} steps for ${label}`);
  }

  private bad(what: string): FormatError {
    return new FormatError(`${this.where}: weights must be what getWeights of the same class gave, got ${what}.`);
  }
}

function isGone<Name extends string>({ counter, tensors }: Slot<Name>): boolean {
  return [counter, ...Object.values<tf.Variable>(tensors)].some((variable) => variable.isDisposed);
}

function variableOf(make: () => tf.Tensor): tf.Variable {
  return tf.tidy(() => make().variable(false));
}
