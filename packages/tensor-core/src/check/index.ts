export { BackendError, FormatError, ShapeError } from './errors';
export {
  argumentMessage,
  checkedSize,
  checkNumber,
  checkOneOf,
  checkShape,
  describeValue,
  type NumberRequirement,
} from './arguments';
