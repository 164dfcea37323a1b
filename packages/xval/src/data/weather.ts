import { check, random } from '@tfsci/tensor-core';

const { checkNumber } = check;

/** A place on the globe. */
export interface Station {
  /** phi, radians, north positive. */
  latitude: number;
  /** lambda, radians, east positive, -pi to pi. */
  longitude: number;
}

/** Plane waves over the unit sphere, whose sum tells land and heights. */
interface ReliefWave {
  direction: [number, number, number];
  phase: number;
}

/** A wave of the mid-latitudes that travels east. */
interface SynopticWave {
  /** Degrees Celsius. */
  amplitude: number;
  /** n, crests around the globe, 3 to 8. */
  zonal: number;
  /** m, radians of phase a radian of latitude. */
  meridional: number;
  /** Days. */
  period: number;
  phase: number;
}

/** The climate and weather of a made-up globe. */
export interface Weather {
  readonly relief: readonly ReliefWave[];
  readonly waves: readonly SynopticWave[];
}

const RELIEF_WAVES = 8;
const SYNOPTIC_WAVES = 12;

/**
 * A globe: where its land lies, and the waves of its weather.
 *
 * A substitute for reanalysis data, with their seasons, days, coasts, heights and passing fronts.
 */
export function makeWeather(key: random.Key): Weather {
  random.checkKey('xval.makeWeather', key);
  const [land, sky, phases] = random.split(key, 3) as [random.Key, random.Key, random.Key];
  const directions = random.fillNormal(land, new Float64Array(3 * RELIEF_WAVES), { std: 2 });
  const heights = random.fillNormal(sky, new Float64Array(2 * SYNOPTIC_WAVES));
  const uniforms = random.fillUniform(phases, new Float64Array(RELIEF_WAVES + 3 * SYNOPTIC_WAVES));
  const turn = (i: number): number => 2 * Math.PI * uniforms[i]!;
  return {
    relief: Array.from({ length: RELIEF_WAVES }, (_, k) => ({
      direction: [directions[3 * k]!, directions[3 * k + 1]!, directions[3 * k + 2]!],
      phase: turn(k),
    })),
    waves: Array.from({ length: SYNOPTIC_WAVES }, (_, k) => {
      const at = RELIEF_WAVES + 3 * k;
      return {
        amplitude: 1.6 * heights[2 * k]!,
        zonal: 3 + Math.floor(6 * uniforms[at]!),
        meridional: 3 * heights[2 * k + 1]!,
        period: 3 + 6 * uniforms[at + 1]!,
        phase: turn(at + 2),
      };
    }),
  };
}

/** s, the smooth field of variance 1 whose positive part is land; a unit of it is 1.5 km high. */
export function reliefAt({ relief }: Weather, { latitude, longitude }: Station): number {
  const flat = Math.cos(latitude);
  const [x, y, z] = [flat * Math.cos(longitude), flat * Math.sin(longitude), Math.sin(latitude)];
  const sum = relief.reduce(
    (total, { direction: [a, b, c], phase }) => total + Math.cos(a * x + b * y + c * z + phase),
    0,
  );
  return Math.sqrt(2 / relief.length) * sum;
}

/**
 * The temperature at a place and time, in degrees Celsius, without the noise of the station.
 *
 *   T = 27 - 45 sin^2 phi - 6.5 h + A_y cos(2 pi (day - d0) / 365.25) + A_d cos(2 pi (hour - 15) / 24) + W
 *   A_y = (3 + 17 land) |sin phi|,  A_d = (0.7 + 6.3 land) sqrt(cos phi),  h = max(0, 1.5 s) km,  land = [s > 0]
 *   W = sin(2 |phi|) sum_k a_k cos(n_k lambda + m_k phi - 2 pi t / P_k + psi_k)
 *
 * with the local hour, and d0 = 200 in the north and 17 in the south.
 *
 * @param days  since the beginning of a year, universal time
 * @throws RangeError when latitude, longitude or time are none
 */
export function temperatureAt(weather: Weather, station: Station, days: number): number {
  const where = 'xval.temperatureAt';
  const latitude = checkNumber(where, 'latitude', station.latitude, { min: -Math.PI / 2, max: Math.PI / 2 });
  const longitude = checkNumber(where, 'longitude', station.longitude, { min: -Math.PI, max: Math.PI });
  checkNumber(where, 'days', days);
  const relief = reliefAt(weather, station);
  const isLand = Number(relief > 0);
  const [sine, cosine] = [Math.sin(latitude), Math.max(Math.cos(latitude), 0)];
  const midsummer = latitude >= 0 ? 200 : 17;
  const season = (3 + 17 * isLand) * Math.abs(sine) * Math.cos((2 * Math.PI * (days - midsummer)) / 365.25);
  const hour = 24 * days + (12 * longitude) / Math.PI;
  const day = (0.7 + 6.3 * isLand) * Math.sqrt(cosine) * Math.cos((2 * Math.PI * (hour - 15)) / 24);
  const fronts = weather.waves.reduce(
    (sum, { amplitude, zonal, meridional, period, phase }) =>
      sum + amplitude * Math.cos(zonal * longitude + meridional * latitude - (2 * Math.PI * days) / period + phase),
    0,
  );
  const height = Math.max(0, 1.5 * relief);
  return 27 - 45 * sine ** 2 - 6.5 * height + season + day + Math.sin(2 * Math.abs(latitude)) * fronts;
}
