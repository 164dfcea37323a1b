import { Builder } from '../graph/builder';
import { sizeOf, Storage, Value, type Attributes } from '../graph/value';
import { BLOCKED, channelBlock, evaluate } from './channel-block';
import { toChannelsFirst, toChannelsLast, toFilterFirst } from './image-layout';
import { windowAttributes, type Windows } from './windows';

/**
 * ONNX Runtime's own image layout on the CPU: channels in blocks of b, as many as fill a vector register,
 * [N, C / b, H, W, b]; a value in it has the shape [N, C rounded up to b, H, W]. Its convolutions work on the image
 * itself where Conv copies each window first: measured 1.25 times as fast for 3x3 filters and 64 or 128 channels,
 * twice for images of 8x8, 2.5 times for depthwise filters, reordering from and to channels last included.
 */

/** How far the zeros that fill the last block may lengthen the work; above, Conv is as fast. */
const MOST_WASTE = 1.5;
/** ReorderInput takes a multiple of this. */
const REORDERED_CHANNELS = 4;

/**
 * The block to use for a convolution of C to O channels; 0 if it should be a Conv.
 *
 * @param otherWaste  how far other zeros lengthen its work
 */
export function blockFor(
  graph: Builder,
  inputChannels: number,
  outputChannels: number,
  { sizes }: Windows,
  otherWaste = 1,
): number {
  const block = sizes.length === 2 ? usableBlock(graph) : 0;
  if (block === 0) return 0;
  const waste = (channels: number): number => roundUp(channels, block) / channels;
  const inputWaste = inputChannels < block ? 1 : waste(inputChannels);
  return otherWaste * inputWaste * waste(outputChannels) <= MOST_WASTE ? block : 0;
}

/** The same for depthwise convolutions. */
export function depthwiseBlockFor(graph: Builder, channels: number): number {
  const block = usableBlock(graph);
  return block > 0 && roundUp(channels, block) / channels <= MOST_WASTE ? block : 0;
}

export function toBlocked(graph: Builder, x: Value, block: number, channelsFirst = false): Value {
  const axis = channelsFirst ? 1 : 3;
  const missing = roundUp(x.shape[axis]!, REORDERED_CHANNELS) - x.shape[axis]!;
  const after = [0, 0, 0, 0];
  after[axis] = missing;
  const whole = graph.pad(x, [0, 0, 0, 0], after);
  const [batch, ...rest] = whole.shape;
  const channels = rest.splice(channelsFirst ? 0 : 2, 1)[0]!;
  const shape = [batch!, roundUp(channels, block), ...rest];
  return graph.op('ReorderInput', [whole], x.type, shape, { channels_last: channelsFirst ? 0 : 1 }, BLOCKED);
}

export function fromBlocked(graph: Builder, y: Value, channels: number, channelsFirst = false): Value {
  const [batch, , height, width] = y.shape as [number, number, number, number];
  const shape = channelsFirst ? [batch, channels, height, width] : [batch, height, width, channels];
  return graph.op('ReorderOutput', [y], y.type, shape, { channels, channels_last: channelsFirst ? 0 : 1 }, BLOCKED);
}

/** A filter [H, W, C, O] in the layout; C is in blocks too unless it is less than one. */
export function toBlockedFilter(graph: Builder, filter: Value, block: number): Value {
  const [height, width, inputs, outputs] = filter.shape as [number, number, number, number];
  const [C, O] = [inputs < block ? inputs : roundUp(inputs, block), roundUp(outputs, block)];
  const whole = graph.pad(filter, [0, 0, 0, 0], [0, 0, C - inputs, O - outputs]);
  if (inputs < block) {
    const blocks = graph.reshape(whole, [height, width, C, O / block, block]);
    return graph.reshape(graph.transpose(blocks, [3, 2, 0, 1, 4]), [O, C, height, width]);
  }
  const blocks = graph.reshape(whole, [height, width, C / block, block, O / block, block]);
  return graph.reshape(graph.transpose(blocks, [4, 2, 0, 1, 3, 5]), [O, C, height, width]);
}

/** A depthwise filter [H, W, C] in the layout. */
export function toBlockedDepthwiseFilter(graph: Builder, filter: Value, block: number): Value {
  const [height, width, channels] = filter.shape as [number, number, number];
  const C = roundUp(channels, block);
  const whole = graph.pad(filter, [0, 0, 0], [0, 0, C - channels]);
  const blocks = graph.reshape(whole, [height, width, C / block, block]);
  return graph.reshape(graph.transpose(blocks, [2, 0, 1, 3]), [C, 1, height, width]);
}

/** A vector of O entries with zeros for the rest of the last block. */
export function toBlockedBias(graph: Builder, bias: Value, block: number): Value {
  const [length] = bias.shape as [number];
  return graph.pad(bias, [0], [roundUp(length, block) - length]);
}

/**
 * @param x  in the layout, or [N, C, H, W] if C is less than a block
 * @param bias  in the layout
 * @param activation  attributes that name what is applied to the result
 */
export function blockedConvolution(
  graph: Builder,
  x: Value,
  filter: Value,
  windows: Windows,
  { group = 1, bias, activation = {} }: { group?: number; bias?: Value | undefined; activation?: Attributes } = {},
): Value {
  const shape = [x.shape[0]!, filter.shape[0]!, ...windows.outputs];
  const attributes = { ...windowAttributes(windows), group, ...activation };
  return graph.op('Conv', bias ? [x, filter, bias] : [x, filter], x.type, shape, attributes, BLOCKED);
}

let agrees: boolean | undefined;

/** The block of this processor, if convolutions in the layout give what Conv does: nobody has promised that. */
function usableBlock(graph: Builder): number {
  const block = graph.portable ? 0 : channelBlock();
  return block > 0 && (agrees ??= isAgreed(block)) ? block : 0;
}

/** On whole numbers, of which the sums are exact. */
function isAgreed(block: number): boolean {
  const graph = new Builder();
  const numbers = (shape: number[]): Value =>
    Value.leaf(
      new Storage(
        Float32Array.from({ length: sizeOf(shape) }, (_, i) => (i % 11) - 5),
        'float32',
      ),
      shape,
    );
  const [two, one, zero] = [2, 1, 0].map((length) => [length, length]) as [number[], number[], number[]];
  const windows = { inputs: [3, 3], outputs: two, sizes: two, strides: one, dilations: one, before: zero, after: zero };
  const channels = 2 * block;
  const image = numbers([1, 3, 3, channels]);
  const ofFilter = (filter: Value, blocked: Value, group: number): Value => {
    const shape = [1, channels, ...windows.outputs];
    const y = graph.op('Conv', [toChannelsFirst(graph, image), toFilterFirst(graph, filter)], 'float32', shape, {
      ...windowAttributes(windows),
      group,
    });
    const ours = blockedConvolution(graph, toBlocked(graph, image, block), blocked, windows, { group });
    return graph.sub(fromBlocked(graph, ours, channels), toChannelsLast(graph, y));
  };
  const full = numbers([2, 2, channels, channels]);
  const depthwise = numbers([2, 2, 1, channels]);
  const blockedDepthwise = toBlockedDepthwiseFilter(graph, graph.reshape(depthwise, [2, 2, channels]), block);
  const differences = [
    ofFilter(full, toBlockedFilter(graph, full, block), 1),
    ofFilter(depthwise, blockedDepthwise, channels),
  ];
  try {
    return evaluate(graph.concat(differences, 0)).every((difference: number | bigint) => difference === 0);
  } catch {
    return false;
  }
}

const roundUp = (count: number, multiple: number): number => Math.ceil(count / multiple) * multiple;
