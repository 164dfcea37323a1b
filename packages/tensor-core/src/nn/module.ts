import * as tf from '@tensorflow/tfjs';
import { argumentMessage } from '../check';
import { loadState, stateOf, type LoadOptions, type LoadReport, type Slot, type StateSource } from './state-dict';

/** How a module keeps a tensor whose layout in PyTorch is another one. */
export interface SlotOptions {
  /**
   * Stored axis i is PyTorch's axis permutation[i]. [2, 3, 1, 0] keeps a convolution's [out, in, h, w] as the
   * [h, w, in, out] of TensorFlow.js.
   */
  permutation?: readonly number[];
}

/**
 * A part of a model: parameters, buffers and other modules by the names that PyTorch gives them.
 *
 * Subclasses register what they hold in their constructor, by `parameter`, `buffer` and `child`, each of which returns
 * its argument so that it can be a field as well; the names along the way, joined by dots, are those of PyTorch's
 * state_dict. A subclass has a method `forward` of its own signature. Parameters are tf.Variables, so gradients,
 * tf.Optimizers and `jit` know them; the module owns them and `dispose` ends them.
 *
 * @example
 * class Perceptron extends nn.Module {
 *   private readonly hidden: nn.Linear;
 *   private readonly out: nn.Linear;
 *   constructor(key: random.Key) {
 *     super();
 *     const [first, second] = random.split(key) as [random.Key, random.Key];
 *     this.hidden = this.child('hidden', new nn.Linear(2, 16, { key: first }));
 *     this.out = this.child('out', new nn.Linear(16, 1, { key: second }));
 *   }
 *   forward(x_BC: tf.Tensor): tf.Tensor {
 *     return this.out.forward(tf.relu(this.hidden.forward(x_BC)));
 *   }
 * } // its names: hidden.weight, hidden.bias, out.weight, out.bias
 */
export abstract class Module {
  private readonly slots = new Map<string, Slot>();
  private readonly parts = new Map<string, Module>();
  private isTraining = true;
  private isDisposed = false;

  /** Whether dropout drops and batch norms look at the batch; true from the start, as in PyTorch. */
  get training(): boolean {
    return this.isTraining;
  }

  /**
   * Sets this module and all below to training, or to evaluation. What `jit` has compiled stays in the mode that it was
   * recorded in: compile a function for each.
   */
  train(on = true): this {
    for (const module of this.modules()) module.isTraining = on;
    return this;
  }

  /** The same as `train(false)`. */
  eval(): this {
    return this.train(false);
  }

  /** Adopts a tensor as a trainable parameter; its memory passes to the variable. */
  protected parameter(name: string, value: tf.Tensor, options: SlotOptions = {}): tf.Variable {
    return this.adopt(name, value, 'parameter', options);
  }

  /** Adopts a tensor as a buffer, which is saved and loaded but not trained. */
  protected buffer(name: string, value: tf.Tensor, options: SlotOptions = {}): tf.Variable {
    return this.adopt(name, value, 'buffer', options);
  }

  /** Adopts a module; a name with dots, 'net.0', counts as modules within modules. */
  protected child<M extends Module>(name: string, module: M): M {
    this.checkName(name);
    this.parts.set(name, module);
    return module;
  }

  /** Adopts modules as `name.0`, `name.1`, ..., as PyTorch's ModuleList and Sequential do. */
  protected children<M extends Module>(name: string, modules: readonly M[]): readonly M[] {
    modules.forEach((module, i) => this.child(`${name}.${i}`, module));
    return modules;
  }

  /** This module and all below it, each once. */
  modules(): Module[] {
    const found = new Set<Module>([this]);
    for (const module of found) module.parts.forEach((part) => found.add(part));
    return [...found];
  }

  /** The trainable and frozen parameters by their dotted names, in the order of registration. */
  namedParameters(): [string, tf.Variable][] {
    return this.namedSlots().flatMap(([name, { variable, kind }]) => (kind === 'parameter' ? [[name, variable]] : []));
  }

  /** The buffers by their dotted names. */
  namedBuffers(): [string, tf.Variable][] {
    return this.namedSlots().flatMap(([name, { variable, kind }]) => (kind === 'buffer' ? [[name, variable]] : []));
  }

  /** The parameters that are trained: the `varList` of tf.variableGrads and of optimisers. */
  trainableVariables(): tf.Variable[] {
    const variables = this.namedParameters().map(([, variable]) => variable);
    return [...new Set(variables)].filter((variable) => variable.trainable);
  }

  /** How many numbers the parameters hold; those of a shared parameter count once. */
  parameterCount({ trainableOnly = false } = {}): number {
    const variables = new Set(this.namedParameters().map(([, variable]) => variable));
    let count = 0;
    for (const { size, trainable } of variables) if (trainable || !trainableOnly) count += size;
    return count;
  }

  /**
   * Takes parameters out of training.
   *
   * @param names  dotted names or beginnings of them ('encoder' for 'encoder.0.weight'), or a test; default all
   * @throws RangeError when a name fits no parameter
   */
  freeze(names?: readonly string[] | ((name: string) => boolean)): this {
    return this.setTrainable('freeze', names, false);
  }

  /** Puts parameters back into training; see `freeze`. */
  unfreeze(names?: readonly string[] | ((name: string) => boolean)): this {
    return this.setTrainable('unfreeze', names, true);
  }

  /**
   * The parameters and buffers by name, in PyTorch's layouts: what torch.save(model.state_dict()) would hold.
   *
   * @returns snapshots, the caller's to dispose; `io.tensorsToSafetensors` writes them
   */
  stateDict(): Record<string, tf.Tensor> {
    return stateOf(this.namedSlots());
  }

  /**
   * Sets parameters and buffers from a state dict in PyTorch's layouts. All is checked before anything is set.
   *
   * @param source   tensors, or entries as the readers of `io` give them, by name; they stay the caller's
   * @param options  see LoadOptions; by default every name must be there and fit
   * @returns what was loaded, missing, unexpected and misfitting
   * @throws FormatError in strict mode, listing every missing, unexpected and misfitting name; TypeError for a value that
   *   is no tensor
   */
  loadStateDict(source: StateSource, options: LoadOptions = {}): LoadReport {
    return loadState(`${this.constructor.name}.loadStateDict`, this.namedSlots(), source, options);
  }

  /** Every parameter and buffer with its dotted name; a module that is registered twice appears twice. */
  namedSlots(): [string, Slot][] {
    const own = [...this.slots];
    const below = [...this.parts].flatMap(([prefix, part]) =>
      part.namedSlots().map(([name, slot]): [string, Slot] => [`${prefix}.${name}`, slot]),
    );
    return [...own, ...below];
  }

  /** Disposes the parameters and buffers of this module and all below; a second call does nothing. */
  dispose(): void {
    for (const module of this.modules()) {
      if (module.isDisposed) continue;
      module.isDisposed = true;
      module.slots.forEach(({ variable }) => {
        if (!variable.isDisposed) variable.dispose();
      });
    }
  }

  private adopt(name: string, value: tf.Tensor, kind: Slot['kind'], { permutation }: SlotOptions): tf.Variable {
    this.checkName(name);
    const variable = tf.variable(value, kind === 'parameter');
    value.dispose();
    this.slots.set(name, { variable, kind, permutation });
    return variable;
  }

  private checkName(name: string): void {
    if (name === '' || this.slots.has(name) || this.parts.has(name)) {
      const where = `${this.constructor.name}.constructor`;
      throw new RangeError(argumentMessage(where, 'name', 'be new to the module and not empty', name));
    }
  }

  private setTrainable(verb: string, names: Parameters<this['freeze']>[0], trainable: boolean): this {
    const parameters = this.namedParameters();
    const fits = (name: string, start: string): boolean => name === start || name.startsWith(`${start}.`);
    if (Array.isArray(names)) {
      const stray = (names as string[]).find((start) => !parameters.some(([name]) => fits(name, start)));
      if (stray !== undefined) {
        const fix = `It has ${parameters.map(([name]) => name).join(', ')}.`;
        throw new RangeError(argumentMessage(`tensor-core.Module.${verb}`, 'names', 'name parameters', stray, fix));
      }
    }
    const chosen = (name: string): boolean => {
      if (names === undefined) return true;
      return typeof names === 'function' ? names(name) : (names as string[]).some((start) => fits(name, start));
    };
    for (const [name, variable] of parameters) if (chosen(name)) variable.trainable = trainable;
    return this;
  }
}
