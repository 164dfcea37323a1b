import * as tf from '@tensorflow/tfjs';
import { argumentMessage } from '../check';
import { checkScheduled, type Schedule } from './schedule';

/** A variable with its name in the model, as `Module.namedParameters` gives them. */
export type NamedVariable = readonly [name: string, variable: tf.Variable];

/** Variables that are trained in a way of their own. */
export interface ParameterGroup {
  /** Its variables, with their names or without. Either these or `filter`. */
  variables?: readonly (tf.Variable | NamedVariable)[];
  /** Its variables by a test. The name is that of `parameters`, where the variable is among them, else tfjs's. */
  filter?: (name: string, variable: tf.Variable) => boolean;
  /** What the learning rate is multiplied by, >= 0, default 1; a schedule may freeze the group for a while. */
  lrScale?: number | Schedule;
  /** Weight decay in place of the optimiser's. */
  weightDecay?: number | Schedule;
}

/** What holds for the variables of one group. */
export interface GroupSettings {
  lrScale: number | Schedule;
  weightDecay: number | Schedule;
}

/** Which group each variable belongs to, and what it is called. */
export class GroupBook {
  private readonly names = new Map<tf.Variable, string>();
  private readonly groups: { holds: (name: string, variable: tf.Variable) => boolean; settings: GroupSettings }[];
  private readonly others: GroupSettings;

  /** @throws TypeError, RangeError for a group that is not well described */
  constructor(
    where: string,
    groups: readonly ParameterGroup[],
    parameters: readonly NamedVariable[],
    weightDecay: number | Schedule,
  ) {
    for (const [name, variable] of parameters) this.names.set(variable, name);
    this.others = { lrScale: 1, weightDecay };
    this.groups = groups.map((group, i) => {
      const name = `groups[${i}]`;
      const settings = {
        lrScale: checkScheduled(where, `${name}.lrScale`, group.lrScale ?? 1),
        weightDecay: checkScheduled(where, `${name}.weightDecay`, group.weightDecay ?? weightDecay),
      };
      return { holds: this.memberTest(where, name, group), settings };
    });
  }

  /** The settings of the first group that has the variable; the same object for all of a group. */
  settingsOf(variable: tf.Variable): GroupSettings {
    const name = this.names.get(variable) ?? variable.name;
    return this.groups.find(({ holds }) => holds(name, variable))?.settings ?? this.others;
  }

  /** The name that the model gives the variable, if it is known. */
  nameOf(variable: tf.Variable): string | undefined {
    return this.names.get(variable);
  }

  private memberTest(where: string, name: string, { variables, filter }: ParameterGroup) {
    if ((variables === undefined) === (filter === undefined)) {
      const given = variables === undefined ? 'neither' : 'both';
      throw new TypeError(`${where}: ${name} must have either variables or a filter, got ${given}.`);
    }
    if (filter !== undefined) {
      if (typeof filter === 'function') return filter;
      throw new TypeError(argumentMessage(where, `${name}.filter`, 'be a function', filter));
    }
    const members = new Set<tf.Variable>();
    for (const entry of variables!) {
      const [label, variable] = Array.isArray(entry) ? (entry as NamedVariable) : [undefined, entry as tf.Variable];
      if (!(variable instanceof tf.Variable)) {
        const wanted = 'be tf.Variables or pairs [name, variable]';
        throw new TypeError(argumentMessage(where, `${name}.variables`, wanted, variable));
      }
      if (label !== undefined) this.names.set(variable, label);
      members.add(variable);
    }
    return (_: string, variable: tf.Variable): boolean => members.has(variable);
  }
}
