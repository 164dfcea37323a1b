// B rows, L tokens, K positions that are looked at, V vocabulary.
import * as tf from '@tensorflow/tfjs';
import { check, jit, type random } from '@tfsci/tensor-core';
import { Numformer } from '../model/numformer';

const { argumentMessage } = check;

/** What a model reads, and where it is asked. */
export type RowTensors = {
  /** int32 [B, L]. */
  ids: tf.Tensor;
  /** float32 [B, L], in scaled units. */
  numbers: tf.Tensor;
  /** bool [B, L], true at padding. */
  padding: tf.Tensor;
  /** int32 [K], positions b L + t. */
  positions: tf.Tensor;
};

type Program = (rows: RowTensors, key?: random.Key) => tf.Tensor;

/** What can be asked of a model; each gives one row of numbers for each position, [K, ...]. */
export const QUESTIONS = {
  /** Id of the most probable token, its probability, that of [NUM], and nu; 0 for both in a model of tokens alone. */
  summary: (
    model: Numformer,
    { ids, numbers: values, padding, positions }: RowTensors,
    key?: random.Key,
  ): tf.Tensor => {
    const { logits, numbers } = model.forward(ids, values, { padding, positions, key });
    const { numberId } = model.config;
    const probabilities_KV = tf.softmax(logits);
    const best_K = probabilities_KV.argMax(-1).toFloat();
    const none_K = tf.zerosLike(best_K);
    const ofNumber_K = numberId === null ? none_K : probabilities_KV.slice([0, numberId], [-1, 1]).squeeze([1]);
    return tf.stack([best_K, probabilities_KV.max(-1), ofNumber_K, numbers ?? none_K], 1);
  },

  /** Probabilities of all tokens, [K, V]. */
  probabilities: (model: Numformer, { ids, numbers, padding, positions }: RowTensors): tf.Tensor =>
    tf.softmax(model.forward(ids, numbers, { padding, positions }).logits),

  /** nu, and its derivatives by all numbers of its row, [B, 1 + L]; needs one position in each row, in their order. */
  slopes: (model: Numformer, { ids, numbers: values, padding, positions }: RowTensors): tf.Tensor => {
    const ofNumbers = (x: tf.Tensor): tf.Tensor => model.forward(ids, x, { padding, positions }).numbers!;
    const { value, grad } = tf.valueAndGrad(ofNumbers)(values);
    return tf.concat([value.expandDims(1), grad], 1);
  },

  /** Logits and nu, [K, V + 1]; of the causal model, which never looks at what fills up a row. */
  next: (model: Numformer, { ids, numbers: values, positions }: RowTensors): tf.Tensor => {
    const { logits, numbers } = model.forward(ids, values, { positions });
    return tf.concat([logits, (numbers ?? tf.zeros([logits.shape[0]])).expandDims(1)], 1);
  },
} as const;

/** What can be asked of a model. */
export type Question = keyof typeof QUESTIONS;

/** Compiled once for each model, question, mode and shape. */
const programs = new WeakMap<Numformer, Map<string, Program>>();

/**
 * What a model answers, in evaluation mode, or with a key in training mode, where dropout drops; its own mode is given
 * back.
 *
 * @returns [K, ...], the caller's to dispose
 */
export function ask(model: Numformer, question: Question, rows: RowTensors, key?: random.Key): tf.Tensor {
  const own = programs.get(model) ?? new Map<string, Program>();
  programs.set(model, own);
  const name = `${question} ${key === undefined ? 'without' : 'with'} dropout`;
  let program = own.get(name);
  if (program === undefined) {
    program = jit((tensors: RowTensors, drawing?: random.Key) =>
      tf.tidy(() => QUESTIONS[question](model, tensors, drawing)),
    );
    own.set(name, program);
  }
  const modes = model.modules().map((module) => [module, module.training] as const);
  model.train(key !== undefined);
  try {
    return key === undefined ? program(rows) : program(rows, key);
  } finally {
    // Parents come first, so that what they set below is set right afterwards.
    modes.forEach(([module, training]) => module.train(training));
  }
}

/** Which model a function is for. */
export interface ModelRequirement {
  /** Whether it has to be causal, or must not be. */
  causal: boolean;
  /** Whether it has to have a number head, or must not have one; default either. */
  numbers?: boolean;
}

/** @throws TypeError unless the model is a Numformer of the kind */
export function checkModel(where: string, model: unknown, { causal, numbers }: ModelRequirement): Numformer {
  if (!(model instanceof Numformer)) throw new TypeError(argumentMessage(where, 'model', 'be a Numformer', model));
  if (model.config.causal !== causal) {
    const fix = causal ? 'predictMasked asks other models.' : 'generate continues texts by causal models.';
    throw new TypeError(argumentMessage(where, 'model.config.causal', `be ${causal}`, model.config.causal, fix));
  }
  const { numberId } = model.config;
  if (numbers !== undefined && numbers !== (numberId !== null)) {
    const wanted = numbers ? 'be the id of [NUM]' : 'be null';
    const fix = numbers ? 'predictNumberGroups is for models of tokens alone.' : 'predictNumbers is for its values.';
    throw new TypeError(argumentMessage(where, 'model.config.numberId', wanted, numberId, fix));
  }
  return model;
}
