import type { NumericArray } from '../bytes';

/** Elements of an array that lie at `offset + sum_i index_i stride_i`, all counted in elements. */
export interface StridedView {
  offset: number;
  shape: readonly number[];
  strides: readonly number[];
}

/** The strides of an array whose last index runs fastest. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** The strides of an array whose first index runs fastest, as Fortran stores it. */
export function columnMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = 1; axis < shape.length; axis++) strides[axis] = strides[axis - 1]! * shape[axis - 1]!;
  return strides;
}

/** Whether the elements lie one after the other in row-major order; the strides of axes of length 1 do not matter. */
export function isContiguous({ shape, strides }: StridedView): boolean {
  const wanted = rowMajorStrides(shape);
  return shape.includes(0) || shape.every((length, axis) => length === 1 || strides[axis] === wanted[axis]);
}

/**
 * The elements of a view in row-major order.
 *
 * @param source  holds every element of the view; the caller has checked that
 * @param view    offset, shape and strides in elements
 * @param parts   how many numbers of `source` an element has
 * @returns a part of `source` that shares its memory where the view is contiguous, else one copy
 */
export function elementsOf(source: NumericArray, view: StridedView, parts: number): NumericArray {
  const { offset, shape, strides } = view;
  const length = parts * shape.reduce((product, n) => product * n, 1);
  if (shape.includes(0)) return source.subarray(0, 0);
  if (isContiguous(view)) return source.subarray(parts * offset, parts * offset + length);
  const target = new (source.constructor as new (length: number) => NumericArray)(length);
  const lengths = [...shape, parts];
  const steps = [...strides.map((stride) => parts * stride), 1];
  let at = 0;
  const copy = (axis: number, from: number): void => {
    const step = steps[axis]!;
    const end = from + lengths[axis]! * step;
    if (axis === lengths.length - 1) for (let i = from; i < end; i++) target[at++] = source[i]!;
    else for (let n = 0, i = from; n < lengths[axis]!; n++, i += step) copy(axis + 1, i);
  };
  copy(0, parts * offset);
  return target;
}
