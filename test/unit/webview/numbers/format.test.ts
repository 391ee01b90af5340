/** Numbers as the view shows them. The locale of the tests is that of the machine: only what all share is compared. */
import assert from 'node:assert/strict';
import { formatBytes, formatMetric, formatNumber, formatShare, plural } from '../../../../webview/numbers/format';

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
    assert.equal(digits(formatMetric(338_431.787, number)), '338432');
    assert.equal(digits(formatMetric(1234, { kind: 'integer', digits: 0 })), '1234');
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
    assert.equal(plural(1, 'layer'), '1 layer');
    assert.equal(plural(2, 'layer'), '2 layers');
  });
});
