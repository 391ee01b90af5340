/** Numbers as people read them, in the user's locale. Exports never go through here: they use the C locale. */
import type { MetricKind } from '../../extension/shared/metricTable';
import { counts } from '../../extension/shared/language/counts';
import { l10n } from '../../extension/shared/language/l10n';

const whole = new Intl.NumberFormat();
const compact = new Intl.NumberFormat(undefined, { notation: 'compact', maximumSignificantDigits: 3 });
const byteUnits = ['kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'].map(
  (unit) =>
    new Intl.NumberFormat(undefined, { style: 'unit', unit, unitDisplay: 'short', maximumSignificantDigits: 3 }),
);
const significant = new Map<number, Intl.NumberFormat>();
const fixed = new Map<number, Intl.NumberFormat>();
const scientific = new Map<number, Intl.NumberFormat>();

/** Outside this range a number is shown with an exponent: it would not fit a column. */
const LARGEST_PLAIN = 1e6;
const SMALLEST_PLAIN = 1e-3;

export function formatCount(value: number): string {
  return whole.format(value);
}

/** 6 738 415 616 → 6.74B */
export function formatCompact(value: number): string {
  return compact.format(value);
}

/** Decimal units, as disks and downloads count them. */
export function formatBytes(value: number): string {
  // The locale's short form of a byte is "byte", which is no shorter, and its narrow one leaves out the space.
  if (value < 1000) return `${whole.format(value)} B`;
  const step = Math.min(byteUnits.length, Math.floor(Math.log10(value) / 3));
  return byteUnits[step - 1]!.format(value / 1000 ** step);
}

/** What `formatShare` still tells from 0 and from 1. */
const LEAST_SHARE = 0.001;
const LEAST_REST = 0.01;

/** Shares as people say them in a sentence: nothing but 0 and 1 is called 0% or 100%. */
export function formatShare(share: number): string {
  if (share > 0 && share < LEAST_SHARE) return `<${formatPercent(LEAST_SHARE, 1)}`;
  if (share < 1 && share > 1 - LEAST_REST) return `>${formatPercent(1 - LEAST_REST, 2)}`;
  return formatPercent(share, 2);
}

export function formatPercent(share: number, digits = 3): string {
  if (share > 0 && share < 1e-4) return `${formatNumber(share * 100, digits)}%`;
  return new Intl.NumberFormat(undefined, { style: 'percent', maximumSignificantDigits: digits }).format(share);
}

/** `digits` significant digits; an exponent where the number is very large or very small. */
export function formatNumber(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : whole.format(value);
  const size = Math.abs(value);
  const plain = size === 0 || Number.isInteger(value) ? size < 1e9 : size >= SMALLEST_PLAIN && size < LARGEST_PLAIN;
  const formats = plain ? significant : scientific;
  let format = formats.get(digits);
  if (!format) {
    format = new Intl.NumberFormat(
      undefined,
      plain
        ? { minimumSignificantDigits: digits, maximumSignificantDigits: digits }
        : { notation: 'scientific', maximumSignificantDigits: Math.min(digits, 3) },
    );
    formats.set(digits, format);
  }
  return plain && Number.isInteger(value) ? whole.format(value) : format.format(value);
}

/** Digits that a column of the table has room for. */
const MOST_DIGITS = 6;

/**
 * A number of the metric table. A column has one format: whole numbers; digits after the point; or, of sizes that span
 * orders of magnitude, significant digits, and no rounding of whole ones. Where there is no room, or nothing but zeros
 * would be left, an exponent.
 */
export function formatMetric(value: number, { kind, digits }: { kind: MetricKind; digits: number }): string {
  const size = Math.abs(value);
  const least = kind === 'scale' ? SMALLEST_PLAIN : 10 ** -digits;
  if (!Number.isFinite(value) || size >= LARGEST_PLAIN || (size !== 0 && size < least)) {
    return formatNumber(value, kind === 'integer' ? 9 : Math.max(2, digits));
  }
  const before = size < 1 ? 1 : Math.floor(Math.log10(size)) + 1;
  return fixedFormat(decimals(kind, digits, size, before)).format(value);
}

function decimals(kind: MetricKind, digits: number, size: number, before: number): number {
  if (kind === 'integer') return 0;
  if (kind === 'number') return Math.min(digits, MOST_DIGITS - before);
  // Zeros behind the point are not significant: 0.0123 has them.
  return Math.max(0, digits - (size === 0 ? 1 : Math.floor(Math.log10(size)) + 1));
}

function fixedFormat(key: number): Intl.NumberFormat {
  let format = fixed.get(key);
  if (!format) {
    format = new Intl.NumberFormat(undefined, { minimumFractionDigits: key, maximumFractionDigits: key });
    fixed.set(key, format);
  }
  return format;
}

/** 4096 × 11008 */
export function formatShape(shape: readonly number[]): string {
  return shape.length === 0 ? l10n.t('scalar') : shape.join(' × ');
}

/** `1 layer`, `6,144 parameters`. */
export function counted(kind: keyof typeof counts, count: number, format = formatCount): string {
  return counts[kind](count, format(count));
}

/** A power of ten for an axis tick: 10⁻³. */
export function formatPowerOfTen(exponent: number): string {
  const raised = '⁰¹²³⁴⁵⁶⁷⁸⁹';
  const superscript = String(exponent).replace(/./g, (digit) => (digit === '-' ? '⁻' : raised.charAt(Number(digit))));
  return exponent === 0 ? '1' : exponent === 1 ? '10' : `10${superscript}`;
}
