export { packageTests as default } from '../../vitest.config.base.ts';
