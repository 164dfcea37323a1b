import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A path, absolute or relative to the working directory, or a file: URL. */
export type FilePath = string | URL;

/** The absolute path. */
export function pathOf(path: FilePath): string {
  return resolve(path instanceof URL ? fileURLToPath(path) : path);
}

/** The error for a file that cannot be read or written: who wanted it, its path, and why. */
export function unusable(caller: string, verb: 'read' | 'written', path: string, cause: unknown): Error {
  const advice: Record<string, string> = {
    ENOENT: verb === 'read' ? 'There is no such file: check the path.' : 'Create its directory first.',
    EISDIR: 'It is a directory: name a file.',
    EACCES: 'Its permissions forbid it.',
    ENOSPC: 'The disk is full.',
  };
  const reason = advice[errorCode(cause)] ?? (cause instanceof Error ? cause.message : String(cause));
  return new Error(`tensor-core.${caller}: ${path} could not be ${verb}. ${reason}`, { cause });
}

/** The system's code of an error, such as ENOENT; '' where it has none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** For a promise's catch: a fallback where there is no such file, every other error as it is. */
export function unlessMissing<T>(fallback: T): (cause: unknown) => T {
  return (cause) => {
    if (errorCode(cause) === 'ENOENT') return fallback;
    throw cause;
  };
}
