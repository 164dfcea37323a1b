import { Builder } from '../graph/builder';
import { programOf } from '../graph/program';
import { Storage, Value, type Elements } from '../graph/value';
import { defaultSettings } from '../options';
import { BufferPool } from '../runtime/buffer-pool';
import { ExecutableCache } from '../runtime/executables';
import { settings } from '../settings';

/** Operators of ONNX Runtime on images in its own layout, see blocked-layout.ts. */
export const BLOCKED = 'com.microsoft.nchwc';

/** Blocks that its convolutions exist for: the length of the processor's vector registers, or twice that. */
const BLOCKS: readonly number[] = [8, 16];

let onCpu: number | undefined;

/** Channels in a block of ONNX Runtime's own image layout on this processor; 0 where that layout cannot be used. */
export function channelBlock(): number {
  if (settings.executionProvider !== 'cpu') return 0;
  return (onCpu ??= ask());
}

/** There is no call that says it, but an image of 4 channels gets as many as a block has. */
function ask(): number {
  const graph = new Builder();
  const image = Value.leaf(new Storage(new Float32Array(4), 'float32'), [1, 4, 1, 1]);
  try {
    const reordered = graph.op('ReorderInput', [image], 'float32', image.shape, {}, BLOCKED);
    const channels = Number(evaluate(graph.op('Shape', [reordered], 'int64', [4]))[1]);
    return BLOCKS.includes(channels) ? channels : 0;
  } catch {
    return 0;
  }
}

/** The elements of a value, at once and by a session of its own. */
export function evaluate(value: Value): Elements {
  const alone = { ...defaultSettings(), threads: 1, poolBytes: 0 };
  const program = programOf([value]);
  const executables = new ExecutableCache(alone);
  const leaves = program.inputs.map((number) => program.values[number]!);
  const [result] = executables.of(program).run(leaves, new BufferPool(alone));
  executables.clear();
  return result!.elements!;
}
