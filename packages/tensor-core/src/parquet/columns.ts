import type { NumericArray, NumericArrayType } from '../io/bytes';
import { numberStorage, type NumberDtype } from '../io/number-storage';
import type { Decoded, SchemaElement, SchemaTree } from './library';

/** The numeric element types, by the names that safetensors has for them. */
export type ParquetNumericDtype = NumberDtype;

/** Half floats are widened as they are read. */
const storage = { ...numberStorage, F16: Float32Array };

/** Numbers without nulls, or lists of them of the same length in every row: what io.toTensor takes. */
export interface ParquetNumbers {
  dtype: ParquetNumericDtype;
  /** Rows, then the lengths of the lists, the outermost first. */
  shape: number[];
  /** The typed array of the dtype's name; F16 is widened to Float32Array, BOOL is a Uint8Array of 0 and 1. */
  data: NumericArray;
}

/** Strings without nulls. */
export interface ParquetStrings {
  dtype: 'STRING';
  shape: [number];
  data: string[];
}

/** All else, a value a row: numbers and strings with nulls, lists of unequal lengths, structs, bytes, Dates. */
export interface ParquetValues {
  dtype: 'OBJECT';
  shape: [number];
  data: unknown[];
}

export type ParquetColumn = ParquetNumbers | ParquetStrings | ParquetValues;

/** What a column of the file holds. */
export interface ParquetColumnInfo {
  name: string;
  /** A dtype, STRING, BYTES, DATE, TIMESTAMP, …, or made of them: LIST<LIST<F32>>, STRUCT<bytes: BYTES, path: STRING>. */
  type: string;
  /** Whether a row may be null; elements of lists may be too. */
  nullable: boolean;
}

/** The schema of a top-level column in words. */
export function columnInfo(tree: SchemaTree): ParquetColumnInfo {
  const { name, repetition_type: repetition } = tree.element;
  return { name, type: typeName(tree), nullable: repetition === 'OPTIONAL' };
}

function typeName(tree: SchemaTree): string {
  const { element, children } = tree;
  const list = listElement(tree);
  if (list) return `LIST<${typeName(list)}>`;
  const fields = children.map((child) => `${child.element.name}: ${typeName(child)}`).join(', ');
  const name = children.length > 0 ? `STRUCT<${fields}>` : leafType(element);
  return element.repetition_type === 'REPEATED' ? `LIST<${name}>` : name;
}

/** The element of a column that is annotated as a list: a group of one repeated group of one element, mostly. */
function listElement({ element, children }: SchemaTree): SchemaTree | null {
  const [item] = children;
  if (element.converted_type !== 'LIST' || children.length !== 1 || item!.children.length > 1) return null;
  return item!.children[0] ?? { ...item!, element: { ...item!.element, repetition_type: 'REQUIRED' } };
}

/** The dtype of a leaf, STRING, or another name. */
function leafType({ type, converted_type: converted, logical_type: logical }: SchemaElement): string {
  if (logical?.type === 'INTEGER') return `${logical.isSigned ? 'I' : 'U'}${logical.bitWidth}`;
  const width = /^(U?)INT_(\d+)$/.exec(converted ?? '');
  if (width) return `${width[1] === 'U' ? 'U' : 'I'}${width[2]}`;
  if (converted === 'DECIMAL') return 'F64';
  if (converted === 'UTF8' || converted === 'ENUM' || logical?.type === 'STRING' || logical?.type === 'UUID') {
    return 'STRING';
  }
  if (logical?.type === 'FLOAT16') return 'F16';
  if (logical) return logical.type;
  if (converted) return converted;
  const plain: Record<string, string> = {
    BOOLEAN: 'BOOL',
    INT32: 'I32',
    INT64: 'I64',
    INT96: 'TIMESTAMP',
    FLOAT: 'F32',
    DOUBLE: 'F64',
  };
  return plain[type ?? ''] ?? 'BYTES';
}

/** Rows of a column as the narrowest of the three kinds that holds them; null when the values contradict the schema. */
export function columnOf(tree: SchemaTree, parts: readonly Decoded[]): ParquetColumn | null {
  const rows = parts.reduce((sum, part) => sum + part.length, 0);
  const [type, depth] = innermost(tree);
  if (Object.hasOwn(storage, type)) {
    const numbers = numbersOf(type as ParquetNumericDtype, depth, parts, rows);
    if (numbers) return numbers;
  }
  const data = parts.flatMap((part) => Array.from(part));
  if (type === 'STRING' && depth === 0 && data.every((value) => typeof value === 'string')) {
    return { dtype: 'STRING', shape: [rows], data };
  }
  // A flat value is null or there; what is undefined was a reference to nowhere.
  if (tree.children.length === 0 && data.includes(undefined)) return null;
  return { dtype: 'OBJECT', shape: [rows], data: data.map(undefinedToNull) };
}

/** The type inside of all lists, and how many lists there are around it. */
function innermost(tree: SchemaTree): [type: string, depth: number] {
  const type = typeName(tree);
  const depth = type.split('LIST<').length - 1;
  const opening = 'LIST<'.repeat(depth);
  return type.startsWith(opening) ? [type.slice(opening.length, type.length - depth), depth] : [type, 0];
}

/** The numbers of equally long lists in one array; null when lengths differ or something is null. */
function numbersOf(
  dtype: ParquetNumericDtype,
  depth: number,
  parts: readonly Decoded[],
  rows: number,
): ParquetNumbers | null {
  const Type: NumericArrayType = storage[dtype];
  const [first] = parts;
  if (depth === 0 && parts.length === 1 && first instanceof Type) return { dtype, shape: [rows], data: first };
  const shape = [rows];
  let inside: unknown = parts.find((part) => part.length > 0)?.[0];
  for (let level = 0; level < depth; level++) {
    const length = isList(inside) ? inside.length : 0;
    shape.push(length);
    inside = isList(inside) ? inside[0] : undefined;
  }
  const size = shape.reduce((product, length) => product * length, 1);
  const data = new Type(size) as unknown as unknown[];
  const wanted = dtype === 'I64' || dtype === 'U64' ? 'bigint' : dtype === 'BOOL' ? 'boolean' : 'number';
  let at = 0;
  const fill = (list: ArrayLike<unknown>, level: number): boolean => {
    if (level < depth) {
      const length = shape[level + 1]!;
      for (let i = 0; i < list.length; i++) {
        const inner = list[i];
        if (!isList(inner) || inner.length !== length || !fill(inner, level + 1)) return false;
      }
      return true;
    }
    for (let i = 0; i < list.length; i++) {
      const value = list[i];
      if (typeof value !== wanted) return false;
      data[at++] = value;
    }
    return true;
  };
  return parts.every((part) => fill(part, 0)) ? { dtype, shape, data: data as unknown as NumericArray } : null;
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function undefinedToNull(value: unknown): unknown {
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map(undefinedToNull);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, undefinedToNull(inner)]));
}
