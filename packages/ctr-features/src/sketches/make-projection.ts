import { DenseProjection } from './dense-projection';
import type { Projection, ProjectionShape, ProjectionSource } from './projection';
import { SrhtProjection } from './srht-projection';

/** The projection of a shape, drawn with a key or of given weights. @throws as `givenWeight` */
export function makeProjection(shape: ProjectionShape, source: ProjectionSource): Projection {
  return shape.projection === 'srht' ? new SrhtProjection(shape, source) : new DenseProjection(shape, source);
}
