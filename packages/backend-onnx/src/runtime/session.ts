import type { ElementType, Elements, Shape } from '../graph/value';

/** How a session is made; see `OnnxOptions`. */
export interface SessionSettings {
  threads: number;
  /** Whether the threads are for this session, too: without, it runs on the caller's alone. */
  isParallel: boolean;
  spinning: boolean;
  executionProvider: string;
  graphOptimization: 'disabled' | 'basic' | 'extended' | 'all';
  profile?: string;
}

/** A tensor over host memory. */
export interface HostTensor {
  type: ElementType;
  elements: Elements;
  shape: Shape;
}

/** A compiled model. */
export interface Session {
  /** Reads the inputs and writes the outputs in place, in the order of the names with which it was made. */
  run(inputs: readonly HostTensor[], outputs: readonly HostTensor[]): void;
  endProfiling(): void;
  release(): void;
}

/** Names of what goes in and out. */
export interface Ports {
  inputs: readonly string[];
  outputs: readonly string[];
}
