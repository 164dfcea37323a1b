import { expect } from 'vitest';
import { tensorMatchers } from './packages/tensor-core/src/testing/index.ts';

expect.extend(tensorMatchers);
