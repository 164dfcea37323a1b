import * as tf from '@tensorflow/tfjs';
import * as sliced from '@tfsci/sliced-wasserstein';
import { random, useBackend } from '@tfsci/tensor-core';
import { exercise } from './exercise.js';

globalThis.run = async (backend) => {
  const { backend: active } = await useBackend(backend);
  return { active, ...(await exercise(tf, random, sliced)) };
};
