export { packageBattery, type BatteryOptions } from './package-battery';
export { examplesIn, runExample, trimLines, type Example } from './battery/readme';
export { requireTool, type ToolName } from './tools';
