import * as tf from '@tensorflow/tfjs';
import { argumentMessage, BackendError, ShapeError } from '../../check';

export type Shape4D = [number, number, number, number];
export type Conv2DInfo = tf.backend_util.Conv2DInfo;

/** Attributes that tfjs gives to the gradients of its 2-D convolutions. */
export interface ConvAttributes {
  strides: [number, number] | number;
  pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  dilations?: [number, number] | number;
  dataFormat?: 'NHWC' | 'NCHW';
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/**
 * The geometry of the convolution whose gradient is wanted.
 *
 * The output's height and width are those of dy: tf.conv2d does not tell its gradient the rounding
 * mode, with which the output may have a row or column more than the default rounding gives.
 *
 * @throws BackendError for NCHW, ShapeError when dy is not such a convolution's output
 */
export function convInfoOf(
  name: string,
  inputShape: Shape4D,
  filterShape: Shape4D,
  dy: tf.TensorInfo,
  attrs: ConvAttributes,
  depthwise = false,
): Conv2DInfo {
  const { strides, pad, dilations = 1, dataFormat = 'NHWC', dimRoundingMode } = attrs;
  if (dataFormat !== 'NHWC') {
    throw new BackendError(
      `tensor-core.${name}: dataFormat must be NHWC on the wasm backend, got ${dataFormat}. Transpose the images first.`,
    );
  }
  const { computeConv2DInfo } = tf.backend_util;
  const info = computeConv2DInfo(inputShape, filterShape, strides, dilations, pad, dimRoundingMode, depthwise);
  const [batchSize, outHeight, outWidth, outChannels] = dy.shape as Shape4D;
  const rowsFit = Math.abs(outHeight - info.outHeight) <= 1 && Math.abs(outWidth - info.outWidth) <= 1;
  if (batchSize !== info.batchSize || outChannels !== info.outChannels || !rowsFit) {
    throw new ShapeError(
      argumentMessage(`tensor-core.${name}`, 'dy', `have the output's shape [${info.outShape.join(', ')}]`, dy),
    );
  }
  return { ...info, outHeight, outWidth };
}
