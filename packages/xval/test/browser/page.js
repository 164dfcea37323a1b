import * as tf from '@tensorflow/tfjs';
import * as core from '@tfsci/tensor-core';
import * as xval from '@tfsci/xval';
import { exercise } from './exercise.js';

globalThis.run = async (backend) => {
  const { backend: active } = await core.useBackend(backend);
  return { active, ...(await exercise(tf, core, xval)) };
};
