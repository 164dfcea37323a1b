import * as tf from '@tensorflow/tfjs';
import * as core from '@tfsci/tensor-core';
import * as counting from '@tfsci/counting-transformer';
import { exercise } from './exercise.js';

globalThis.run = async (backend) => {
  const { backend: active } = await core.useBackend(backend);
  return { active, ...(await exercise(tf, core, counting)) };
};
