import { library } from '../../tsup.config.base';
// The threads of the entry for Node load the worker by its file.
export default library({ index: 'src/index.ts', node: 'src/node.ts' }, { worker: 'src/threads/worker.ts' });
