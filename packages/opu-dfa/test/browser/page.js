import * as tf from '@tensorflow/tfjs';
import * as opuDfa from '@tfsci/opu-dfa';
import * as core from '@tfsci/tensor-core';
import { exercise } from './exercise.js';

globalThis.run = async (backend) => {
  const { backend: active } = await core.useBackend(backend);
  return { active, ...(await exercise(tf, core, opuDfa)) };
};
