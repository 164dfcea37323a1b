import * as tf from '@tensorflow/tfjs';
import * as optimizers from '@tfsci/momo';
import { random, useBackend } from '@tfsci/tensor-core';
import { exercise } from './exercise.js';

globalThis.run = async (backend) => {
  const { backend: active } = await useBackend(backend);
  return { active, ...(await exercise(tf, random, optimizers)) };
};
