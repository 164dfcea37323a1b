import { arrayStorage, type ArrayEntry } from '../array-entry';
import { arrayFromBytes, type NumericArray } from '../bytes';
import { fitsBlank, fitsNumber, type FitsHeader, type FitsValue } from './header';
import { fitsConversion, type FitsConversion } from './scale';
import type { SafetensorsDtype, SafetensorsEntry } from '../safetensors/safetensors';

/** Where the data of a unit lie in the file. */
export interface FitsData {
  bytes: Uint8Array;
  begin: number;
}

const dtypes = new Map<FitsValue, SafetensorsDtype>([
  [8, 'U8'],
  [16, 'I16'],
  [32, 'I32'],
  [64, 'I64'],
  [-32, 'F32'],
  [-64, 'F64'],
]);

/** The element type of an image, by BITPIX. */
export function imageDtype(bitpix: FitsValue): SafetensorsDtype | undefined {
  return dtypes.get(bitpix);
}

/**
 * An image of a FITS file, as toTensor takes it.
 *
 * `dtype` and `data` are the physical values, BZERO + BSCALE * stored: integers as they are without these keywords, the
 * unsigned ones (and I8) by FITS's convention for them; otherwise F32 for 8 and 16 bits and F32, else F64, computed in
 * float64 and rounded once. Integers that equal BLANK are NaN, so that integer images with BLANK are F32 or F64.
 *
 * @remarks Differs from astropy: there the products are rounded in float32, too, so scaled F32 may differ in the last
 *   bit, and BLANK is not looked at in images that follow the convention for unsigned integers.
 */
export class FitsImage implements SafetensorsEntry {
  readonly kind = 'image';
  /** Row-major: NAXISn, ..., NAXIS1. */
  readonly shape: number[];
  readonly dtype: SafetensorsDtype;
  readonly #conversion: FitsConversion;
  readonly #storedDtype: SafetensorsDtype;
  #values: NumericArray | undefined;

  constructor(
    private readonly where: string,
    /** EXTNAME; PRIMARY for the first unit. */
    readonly name: string,
    readonly header: FitsHeader,
    private readonly source: FitsData,
    shape: readonly number[],
  ) {
    this.shape = [...shape];
    const stored = dtypes.get(header.values['BITPIX'])!;
    const scaling = {
      scale: Number(fitsNumber(where, header, 'BSCALE', 1)),
      zero: Number(fitsNumber(where, header, 'BZERO', 0)),
      blank: fitsBlank(where, header, 'BLANK'),
    };
    this.#storedDtype = stored;
    this.#conversion = fitsConversion(where, stored, scaling, ['U8', 'I16', 'F32'].includes(stored) ? 'F32' : 'F64');
    this.dtype = this.#conversion.dtype as SafetensorsDtype;
  }

  /**
   * The physical values, computed when first asked for. Without scaling they are a copy in the machine's byte order, but
   * 8-bit ones share the memory of the file.
   *
   * @throws RangeError when BLANK would turn 64-bit integers beyond 2^53 into real numbers
   */
  get data(): NumericArray {
    this.#values ??= this.#conversion.convert(this.stored.data);
    return this.#values;
  }

  /** The numbers as they are in the file, without scaling and blanks. */
  get stored(): ArrayEntry {
    const { bytes, begin } = this.source;
    const length = this.shape.reduce((product, n) => product * n, 1);
    const data = arrayFromBytes<NumericArray>(arrayStorage[this.#storedDtype], bytes, begin, length, 'big');
    return { dtype: this.#storedDtype, shape: [...this.shape], data };
  }
}
