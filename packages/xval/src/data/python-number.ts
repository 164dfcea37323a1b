/** A float as Python prints it: 1.0, 1e-05, 1e+16. */
export function pythonFloat(x: number): string {
  const [mantissa, power] = x.toExponential().split('e') as [string, string];
  const exponent = Number(power);
  if (x !== 0 && (exponent < -4 || exponent >= 16)) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  if (Object.is(x, -0)) return '-0.0';
  return Number.isInteger(x) ? `${x}.0` : String(x);
}
