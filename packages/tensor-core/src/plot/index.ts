export {
  band,
  contour,
  histogram,
  image,
  line,
  rule,
  scatter,
  text,
  type BandOptions,
  type ContourOptions,
  type HistogramOptions,
  type ImageOptions,
  type LineOptions,
  type Mark,
  type MarkOptions,
  type Numbers,
  type ScatterOptions,
} from './marks';
export { gridToSvg, toSvg } from './render';
export { plainNumber, type AxisOptions, type Panel, type PanelOptions } from './panel';
export { cornerPanels, tracePanels, type CornerPanelOptions, type TracePanelOptions } from './posterior';
