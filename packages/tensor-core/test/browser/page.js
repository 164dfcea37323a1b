import * as tf from '@tensorflow/tfjs';
import * as core from '@tfsci/tensor-core';
globalThis.tf = tf; globalThis.core = core;
