/** A tensor or array whose shape does not fit what a function needs. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

/** A file, buffer or checkpoint that is truncated, corrupt, hostile or of another format than expected. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

/** A TensorFlow.js backend that is missing, failed to start or cannot do what was asked of it. */
export class BackendError extends Error {
  override readonly name = 'BackendError';
}
