import type { Workload } from './workload';
import { convolutions } from './workloads/convolutions';
import { elementwise } from './workloads/elementwise';
import { layernorm } from './workloads/layernorm';
import { matmul } from './workloads/matmul';
import { mlp } from './workloads/mlp';
import { softmax } from './workloads/softmax';
import { transformerLarge, transformerSmall } from './workloads/transformer';
import { unet } from './workloads/unet';
import { vitSmall } from './workloads/vit';

/** All workloads, in the order in which they run. A new one adds its line here. */
export const WORKLOADS: readonly Workload[] = [
  transformerSmall,
  transformerLarge,
  convolutions,
  unet,
  vitSmall,
  mlp,
  matmul,
  elementwise,
  softmax,
  layernorm,
];

/** The workloads of the given names, all of them for none. @throws RangeError for an unknown name */
export function chooseWorkloads(names: readonly string[]): Workload[] {
  const unknown = names.filter((name) => !WORKLOADS.some((workload) => workload.name === name));
  if (unknown.length > 0) {
    const known = WORKLOADS.map(({ name }) => name).join(', ');
    throw new RangeError(`bench: a workload must be one of ${known}, got ${unknown.join(', ')}.`);
  }
  return WORKLOADS.filter(({ name }) => names.length === 0 || names.includes(name));
}
