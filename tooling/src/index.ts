export { packageBattery, type BatteryOptions } from './package-battery';
export { requireTool, type ToolName } from './tools';
