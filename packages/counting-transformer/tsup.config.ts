import { library } from '../../tsup.config.base';
export default library({ index: 'src/index.ts', plot: 'src/plot.ts' });
