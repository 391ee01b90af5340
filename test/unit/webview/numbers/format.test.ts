/** Numbers as the view shows them. The locale of the tests is that of the machine: only what all share is compared. */
import assert from 'node:assert/strict';
import { counted, formatBytes, formatMetric, formatNumber, formatShare } from '../../../../webview/numbers/format';

const digits = (text: string): string => text.replace(/\D/g, '');

describe('formats', () => {
  it('say bytes with a space before the unit, in steps of a thousand', () => {
    assert.equal(formatBytes(0), '0 B');
    assert.equal(formatBytes(256), '256 B');
    assert.match(formatBytes(131_072), /^131\s?kB$/);
    assert.match(formatBytes(13.5e9), /^13[.,]5\s?GB$/);
  });

  it('give a metric its digits while a column has room for them', () => {
    const number = { kind: 'number', digits: 4 } as const;
    assert.equal(digits(formatMetric(0.01234, number)), '00123');
    assert.equal(digits(formatMetric(37.333_49, number)), '373335');
    assert.equal(digits(formatMetric(2089.9966, number)), '209000');
    assert.equal(digits(formatMetric(0, number)), '00000');
    assert.equal(digits(formatMetric(338_431.787, number)), '338432');
    assert.equal(digits(formatMetric(1234, { kind: 'integer', digits: 0 })), '1234');
  });

  it('give a size that spans orders of magnitude as many significant digits everywhere, and round no whole one', () => {
    const scale = { kind: 'scale', digits: 4 } as const;
    const shown = (value: number): string => digits(formatMetric(value, scale));
    assert.deepEqual([84.809_04, 2089.9966, 53_033.3, 338_431.787].map(shown), ['8481', '2090', '53033', '338432']);
    assert.deepEqual([1.5, 0.123_456, 0.012_345_6, 0].map(shown), ['1500', '01235', '001235', '0000']);
    assert.match(formatMetric(0.000_123, scale), /E-4|×10/);
    assert.match(formatMetric(25_000_000.5, scale), /E7|×10/);
  });

  it('never call a share all or nothing that is not', () => {
    assert.match(formatShare(0.9974), /^>99/);
    assert.match(formatShare(0.0001), /^<0[.,]1/);
    assert.match(formatShare(1), /^100/);
    assert.match(formatShare(0.5), /^50/);
  });

  it('have one minus sign, the locale’s, before infinity too', () => {
    const minus = formatNumber(-2.5).charAt(0);
    for (const value of [-Infinity, -3, -1e-9]) assert.equal(formatNumber(value).charAt(0), minus, String(value));
    assert.equal(formatNumber(Infinity).charAt(0), '∞');
    assert.equal(formatNumber(NaN), 'NaN');
  });

  it('agree with their number', () => {
    assert.equal(counted('layers', 1), '1 layer');
    assert.equal(counted('layers', 2), '2 layers');
  });
});
