export { directoryStore } from './directory-store';
export { jsonlLog } from './jsonl-log';
export { tensorboardLog } from './tensorboard-log';
export { terminalProgress, type TerminalProgressOptions, type TerminalStream } from './terminal-progress';
