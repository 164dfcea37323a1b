import type { Program } from '../program';
import { widenBroadcasts } from './broadcasts';
import { drawIntoGemm } from './gemm';
import { fuseLayerNorms } from './layer-norm';
import { Rewriter } from './rewriter';
import { mergeScalars } from './scalars';

/** The same computation with fewer passes over memory; what ONNX Runtime does by itself is left to it. */
export function optimized(program: Program): Program {
  return [fuseLayerNorms, mergeScalars, drawIntoGemm, widenBroadcasts].reduce((current, pass) => {
    const rewriter = new Rewriter(current);
    pass(rewriter);
    return rewriter.result();
  }, program);
}
