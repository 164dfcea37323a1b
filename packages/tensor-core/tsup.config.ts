import { library } from '../../tsup.config.base';

const ROOMS = [
  'backend',
  'check',
  'inference',
  'io',
  'linalg',
  'metrics',
  'nn',
  'optim',
  'random',
  'spectral',
  'train',
];

export default library(
  {
    index: 'src/index.ts',
    hdf5: 'src/hdf5/index.ts',
    node: 'src/node.ts',
    parquet: 'src/parquet/index.ts',
    plot: 'src/plot/index.ts',
    testing: 'src/testing/index.ts',
  },
  // A program pays for the rooms of the main entry that it enters.
  Object.fromEntries(ROOMS.map((room) => [`rooms/${room}`, `src/${room}/index.ts`])),
);
