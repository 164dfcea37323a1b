import { parseHTML } from 'linkedom';

/** A document for Observable Plot where there is no browser. */
export const plotDocument = parseHTML('<!doctype html><html><body></body></html>').document;

/** The markup of a plot, as it stands inside an HTML page. */
export function svgOf(plot: Element): string {
  return plot.outerHTML;
}

/** Tick labels as people write numbers: 0.01 and 100, where the default would say 10m. */
export function plainNumber(value: number): string {
  const rounded = Number(value.toPrecision(6));
  return Math.abs(rounded) >= 1e-4 || rounded === 0 ? String(rounded) : rounded.toExponential();
}
