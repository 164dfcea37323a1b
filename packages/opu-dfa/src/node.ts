export { fileBudgetStore } from './training/node/file-budget-store';
