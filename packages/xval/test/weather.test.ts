import { random } from '@tfsci/tensor-core';
import { describe, expect, it } from 'vitest';
import {
  TEMPERATURE_KEYS,
  temperatureBaselines,
  temperatureSample,
  temperatureText,
} from '../src/data/temperature-samples';
import { makeWeather, reliefAt, temperatureAt, type Station, type Weather } from '../src/data/weather';
import { NumberTokenizer } from '../src/tokens/number-tokenizer';

const key = random.key(2);
const weather = makeWeather(key);
/** The same globe without fronts. */
const calm: Weather = { ...weather, waves: [] };
const stations = temperatureSample(weather, key, { stations: [400, 400], days: [1, 1] }).stations;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value / values.length, 0);

describe('temperatureAt', () => {
  const find = (isLand: boolean, isNorth: boolean): Station =>
    stations.find(
      (station) =>
        reliefAt(weather, station) > 0 === isLand &&
        Math.abs(station.latitude) > 0.25 &&
        station.latitude > 0 === isNorth,
    )!;

  it('has summers on day 200 in the north and 17 in the south, far warmer on land', () => {
    for (const [isLand, height] of [
      [true, 20],
      [false, 3],
    ] as const) {
      for (const isNorth of [true, false]) {
        const station = find(isLand, isNorth);
        const summer = isNorth ? 200 : 17;
        // Whole days apart the hour is the same; half a year is 182.625 days.
        const swing = temperatureAt(calm, station, summer) - temperatureAt(calm, station, summer + 183);
        expect(swing).toBeCloseTo(2 * height * Math.abs(Math.sin(station.latitude)), 1);
      }
    }
  });

  it('is warmest at 15 hours local time', () => {
    const station = find(true, true);
    const local = (hour: number): number => (hour - (12 * station.longitude) / Math.PI) / 24;
    const swing = temperatureAt(calm, station, 100 + local(15)) - temperatureAt(calm, station, 100 + local(3));
    // The season moves by less than a hundredth of its amplitude in half a day.
    expect(Math.abs(swing - 2 * 7 * Math.sqrt(Math.cos(station.latitude)))).toBeLessThan(0.4);
  });

  it('has waves that travel east with their periods, and none at equator and poles', () => {
    const [wave] = weather.waves as [Weather['waves'][number]];
    const one: Weather = { relief: weather.relief, waves: [wave] };
    const front = (station: Station, t: number): number =>
      temperatureAt(one, station, t) - temperatureAt(calm, station, t);
    const station = { latitude: 0.8, longitude: 0.3 };
    expect(front(station, 5 + wave.period)).toBeCloseTo(front(station, 5), 9);
    const east = { ...station, longitude: station.longitude + (2 * Math.PI * 0.5) / wave.period / wave.zonal };
    expect(front(east, 5.5)).toBeCloseTo(front(station, 5), 9);
    for (const latitude of [0, Math.PI / 2]) expect(front({ latitude, longitude: 1 }, 5)).toBeCloseTo(0, 9);
  });

  it('spans what the earth does', () => {
    const temperatures = stations.flatMap((station) =>
      [20, 110, 200, 290].map((t) => temperatureAt(weather, station, t)),
    );
    expect(Math.min(...temperatures)).toBeGreaterThan(-80);
    expect(Math.max(...temperatures)).toBeLessThan(50);
    expect(Math.max(...temperatures) - Math.min(...temperatures)).toBeGreaterThan(50);
  });

  it('refuses places that are none', () => {
    expect(() => temperatureAt(weather, { latitude: 2, longitude: 0 }, 0)).toThrow(
      'xval.temperatureAt: latitude must be',
    );
    expect(() => temperatureAt(weather, { latitude: 0, longitude: 4 }, 0)).toThrow('longitude must be');
    expect(() => temperatureAt(weather, { latitude: 0, longitude: 0 }, NaN)).toThrow('days must be');
  });
});

describe('makeWeather', () => {
  it('draws relief of variance 1 over globes', () => {
    const reliefs = Array.from({ length: 800 }, (_, i) =>
      reliefAt(makeWeather(random.foldIn(key, i)), stations[i % 400]!),
    );
    // The fourth moment of a sum of 8 cosines is at most 3: the deviation of the variance of 800 is below 0.05.
    expect(Math.abs(mean(reliefs.map((s) => s * s)) - 1)).toBeLessThan(0.25);
    expect(Math.abs(mean(reliefs))).toBeLessThan(5 / Math.sqrt(800));
  });
});

describe('temperatureSample', () => {
  it('is a function of the key, with stations evenly over the sphere', () => {
    const options = { stations: [5, 9], days: [2, 3] } as const;
    const sample = temperatureSample(weather, key, options);
    expect(temperatureSample(weather, key, options)).toEqual(sample);
    expect(sample.stations.length).toBeGreaterThanOrEqual(5);
    expect([9, 13]).toContain(sample.data.length);
    // sin phi is uniform on [-1, 1].
    const sines = stations.map(({ latitude }) => Math.sin(latitude));
    expect(Math.abs(mean(sines))).toBeLessThan(5 * Math.sqrt(1 / 3 / 400));
    expect(Math.abs(mean(sines.map((x) => x * x)) - 1 / 3)).toBeLessThan(5 * Math.sqrt(4 / 45 / 400));
  });

  it('adds noise of the deviation asked for, forgotten in 12 hours', () => {
    const options = { stations: [400, 400], days: [4, 4], noise: 2 } as const;
    const { stations: own, start, data } = temperatureSample(weather, key, options);
    const noise = data.map((row, s) => row.map((T, i) => T - temperatureAt(weather, own[i]!, start + s / 4)));
    const variance = mean(noise.flat().map((e) => e * e));
    // 400 stations with some 6 independent times each.
    expect(Math.abs(variance / 4 - 1)).toBeLessThan(5 * Math.sqrt(2 / 2400));
    const covariance = mean(noise.slice(1).flatMap((row, s) => row.map((e, i) => e * noise[s]![i]!)));
    expect(Math.abs(covariance / variance - Math.exp(-0.5))).toBeLessThan(0.06);
  });

  it('becomes a text of 3 n + 4 + n S numbers, all of which the tokenizer has', () => {
    const sample = temperatureSample(weather, key, { stations: [7, 7], days: [2, 2] });
    const text = temperatureText(sample);
    const { ids, numbers } = NumberTokenizer.build({ keys: TEMPERATURE_KEYS }).encode(text);
    const count = [...ids].filter((id) => id === 3).length;
    expect(count).toBe(3 * 7 + 4 + 7 * sample.data.length);
    const last = [...numbers].filter((_, t) => ids[t] === 3).slice(-7);
    sample.data.at(-1)!.forEach((T, i) => expect(Math.abs(last[i]! - (T - 7) / 20)).toBeLessThan(0.0051));
  });

  it('says what can be said without a model', () => {
    const sample = {
      stations: [],
      start: 0,
      stepHours: 12,
      data: [
        [1, 10],
        [2, 20],
        [3, 30],
        [9, 90],
      ],
    };
    expect(temperatureBaselines(sample)).toEqual({ climatology: [2, 20], persistence: [2, 20] });
    expect(() => temperatureBaselines({ ...sample, stepHours: 5 })).toThrow(
      'xval.temperatureBaselines: data must have a time 24 hours before its last, got "4 times".',
    );
  });

  it('refuses bad options', () => {
    expect(() => temperatureSample(weather, key, { stations: [0, 2] })).toThrow(
      'xval.temperatureSample: stations[0] must',
    );
    expect(() => temperatureSample(weather, key, { stepHours: 0 })).toThrow('stepHours must be');
    expect(() => temperatureSample(weather, key, { noise: -1 })).toThrow('noise must be');
    const sample = temperatureSample(weather, key, { stations: [1, 1] });
    expect(() => temperatureText(sample, { std: 0 })).toThrow('xval.temperatureText: std must be');
  });
});
