import { check, random } from '@tfsci/tensor-core';
import { checkRange, type Range } from './planet-system';
import { temperatureAt, type Station, type Weather } from './weather';

const { argumentMessage, checkNumber } = check;

/** Temperatures at stations over some days. */
export interface TemperatureSample {
  stations: Station[];
  /** Of the first time, in days since the beginning of a year, universal time. */
  start: number;
  stepHours: number;
  /** Degrees Celsius, [S, stations]. */
  data: number[][];
}

/** Options of `temperatureSample`. */
export interface TemperatureSampleOptions {
  /** How many, evenly over the sphere; default [60, 90]. */
  stations?: Range;
  /** Duration, default [2, 4]. */
  days?: Range;
  /** Default 6. */
  stepHours?: number;
  /** Standard deviation of each station's own noise in degrees, which is forgotten in 12 hours; default 0.6. */
  noise?: number;
}

/**
 * Temperatures of a made-up globe at random stations from a random time on.
 *
 * @throws RangeError for bad options
 * @see Golkar et al., 2023, sec. 3.2, arXiv:2310.02989, whose data are of a reanalysis
 */
export function temperatureSample(
  weather: Weather,
  key: random.Key,
  options: TemperatureSampleOptions = {},
): TemperatureSample {
  const where = 'xval.temperatureSample';
  const { stations: counts = [60, 90], days = [2, 4], stepHours = 6, noise = 0.6 } = options;
  checkRange(where, 'stations', counts, { min: 1, integer: true });
  checkRange(where, 'days', days, { min: 1, integer: true });
  checkNumber(where, 'stepHours', stepHours, { above: 0, max: 24 });
  checkNumber(where, 'noise', noise, { min: 0 });
  const [sizes, places, shocks] = random.split(random.checkKey(where, key), 3) as [random.Key, random.Key, random.Key];
  const draw = (at: number, [low, high]: Range): number =>
    random.fillIntegers(random.foldIn(sizes, at), new Int32Array(1), { low, high: high + 1 })[0]!;
  const [n, duration] = [draw(0, counts), draw(1, days)];
  const S = Math.floor((24 * duration) / stepHours) + 1;
  const start = draw(2, [0, 365 * 24 - 1]) / 24;
  const uniforms = random.fillUniform(places, new Float64Array(2 * n), { low: -1, high: 1 });
  const stations = Array.from({ length: n }, (_, i) => ({
    latitude: Math.asin(uniforms[2 * i]!),
    longitude: Math.PI * uniforms[2 * i + 1]!,
  }));
  const kept = Math.exp(-stepHours / 12);
  const draws = random.fillNormal(shocks, new Float64Array(S * n));
  const error = new Float64Array(n);
  const data = Array.from({ length: S }, (_, s) =>
    stations.map((station, i) => {
      const fresh = noise * draws[s * n + i]!;
      error[i] = s === 0 ? fresh : kept * error[i]! + Math.sqrt(1 - kept ** 2) * fresh;
      return temperatureAt(weather, station, start + (s * stepHours) / 24) + error[i];
    }),
  );
  return { stations, start, stepHours, data };
}

/** Options of `temperatureText`. */
export interface TemperatureTextOptions {
  /** Of all temperatures, degrees; default 7 and 20, those of the made-up globes. */
  mean?: number;
  std?: number;
  /** Figures behind the point, default 2. */
  decimals?: number;
}

/**
 * A sample as text, temperatures standardised:
 * {'description':{'coords':[[latitude / 90, sin longitude, cos longitude],...],'start':[sin and cos of the hour, sin and cos
 * of the day of the year]},'data':[[T, ...],...]}
 *
 * @throws RangeError for bad options
 */
export function temperatureText(sample: TemperatureSample, options: TemperatureTextOptions = {}): string {
  const where = 'xval.temperatureText';
  const { mean = 7, std = 20, decimals = 2 } = options;
  checkNumber(where, 'mean', mean);
  checkNumber(where, 'std', std, { above: 0 });
  checkNumber(where, 'decimals', decimals, { min: 0, max: 17, integer: true });
  // No -0, which would be read as another text for the same number.
  const written = (x: number): string => String(Number(x.toFixed(decimals)) + 0);
  const list = (values: readonly number[]): string => `[${values.map(written).join(',')}]`;
  const coordinates = sample.stations.map(({ latitude, longitude }) =>
    list([latitude / (Math.PI / 2), Math.sin(longitude), Math.cos(longitude)]),
  );
  const [hour, day] = [2 * Math.PI * (sample.start % 1), (2 * Math.PI * sample.start) / 365.25];
  const start = list([Math.sin(hour), Math.cos(hour), Math.sin(day), Math.cos(day)]);
  const rows = sample.data.map((row) => list(row.map((temperature) => (temperature - mean) / std)));
  return `{'description':{'coords':[${coordinates.join(',')}],'start':${start}},'data':[${rows.join(',')}]}`;
}

/** Keys of the temperature texts. */
export const TEMPERATURE_KEYS: readonly string[] = ['description', 'coords', 'start', 'data'];

/**
 * What can be said of the last time without a model, in degrees Celsius, [stations].
 *
 * @returns climatology: each station's mean over the times before; persistence: its temperature 24 hours before
 * @throws RangeError when the sample has no time 24 hours before its last
 */
export function temperatureBaselines({ data, stepHours }: TemperatureSample): {
  climatology: number[];
  persistence: number[];
} {
  const lag = 24 / stepHours;
  const before = data.slice(0, -1);
  const past = Number.isInteger(lag) ? data.at(-1 - lag) : undefined;
  if (past === undefined) {
    const wanted = 'have a time 24 hours before its last';
    throw new RangeError(argumentMessage('xval.temperatureBaselines', 'data', wanted, `${data.length} times`));
  }
  const mean = (i: number): number => before.reduce((sum, row) => sum + row[i]! / before.length, 0);
  return { climatology: data[0]!.map((_, i) => mean(i)), persistence: [...past] };
}
