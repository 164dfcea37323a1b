import type { NumericArrayType } from './bytes';

/** How numbers lie in the containers of science (HDF5, Parquet), by the names that safetensors has; F16 as its bits. */
export const numberStorage = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const satisfies Record<string, NumericArrayType>;

/** The element types of such numbers. */
export type NumberDtype = keyof typeof numberStorage;
