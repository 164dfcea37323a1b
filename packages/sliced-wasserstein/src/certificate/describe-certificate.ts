import type { Certificate } from './certify';

/**
 * A certificate in words: what is certain with which probability and how the number comes about, and what to beware of.
 *
 * @example
 * describeCertificate(certify({ value: 0.4, kl: 1.2, n: 2000, p: 1, bound, slices: 'exact' }));
 * // mean of W_1 >= 0.2782 with probability 0.95: 0.4 - 0.09941 slack - 0.02236 bias (bounded, KL 1.2, lambda 44.72).
 */
export function describeCertificate(certificate: Certificate): string {
  const { of, p, raw, value, slack, psi, sliceError, kind, kl, lambda, upper, reasons, vacuous, confidence } =
    certificate;
  const name = `mean of W_${p}${of === 'W_p^p' && p !== 1 ? `^${p}` : ''}`;
  const parts = [`${short(slack)} slack`, `${short(psi)} bias`];
  if (sliceError > 0) parts.push(`${short(sliceError)} slices`);
  const sum = `${short(value)} - ${parts.join(' - ')}`;
  const from = `(${kind}, KL ${short(kl)}, lambda ${short(lambda)})`;
  const lower = vacuous
    ? `${name} >= 0 is all that is certain: ${sum} = ${short(raw)} ${from}, vacuous.`
    : `${name} >= ${short(raw)} with probability ${short(confidence)}: ${sum} ${from}.`;
  const above = upper ? ` It is <= ${short(upper.bound)} with probability ${short(upper.confidence)}.` : '';
  return `${lower}${above}${reasons.length > 0 ? `\nNot a guarantee: ${reasons.join('; ')}.` : ''}`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
