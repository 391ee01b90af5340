import assert from 'node:assert/strict';
import { globMatcher } from '../../../../extension/shared/names/glob';

const NAMES = ['h.0.attn.weight', 'h.1.attn.bias', 'h.10.mlp.weight', 'a/b/kernel:0', 'x[q]', 'a{b}', 'a*b', '😀'];

describe('patterns of names', () => {
  for (const [pattern, expected] of [
    ['h.0.*', ['h.0.attn.weight']],
    ['*', NAMES],
    ['**.weight', ['h.0.attn.weight', 'h.10.mlp.weight']],
    ['*attn*', ['h.0.attn.weight', 'h.1.attn.bias']],
    ['h.?.*', ['h.0.attn.weight', 'h.1.attn.bias']],
    ['a/*', ['a/b/kernel:0']],
    ['h.[0-9].*', ['h.0.attn.weight', 'h.1.attn.bias']],
    ['h.[!0].*', ['h.1.attn.bias']],
    ['h.[^0].*', ['h.1.attn.bias']],
    ['*.{weight,bias}', ['h.0.attn.weight', 'h.1.attn.bias', 'h.10.mlp.weight']],
    ['h.{0.{attn,mlp},10.mlp}.weight', ['h.0.attn.weight', 'h.10.mlp.weight']],
    ['x\\[q\\]', ['x[q]']],
    ['x[[]q]', ['x[q]']],
    ['x[q', []],
    ['a{b}', ['a{b}']],
    ['a\\*b', ['a*b']],
    ['?', ['😀']],
    ['attn', []],
    ['h.0.attn.weight?', []],
    ['', []],
  ] as const) {
    it(`"${pattern}"`, () => assert.deepEqual(NAMES.filter(globMatcher(pattern)), expected));
  }

  it('match the empty name only where nothing is asked for', () => {
    assert.ok(globMatcher('')(''));
    assert.ok(globMatcher('*')(''));
    assert.ok(!globMatcher('?')(''));
  });

  it('take steps by the product of the lengths: a library took minutes for the fifth of this name', () => {
    const name = 'a'.repeat(20_000);
    assert.ok(!globMatcher(`${'*a'.repeat(20)}*b`)(name));
    assert.ok(globMatcher(`${'*a'.repeat(20)}*`)(name));
  });

  it('stand for a bounded number of texts', () => {
    assert.throws(() => globMatcher('{a,b}'.repeat(11)), RangeError);
    assert.ok(globMatcher('{a,b}'.repeat(10))('a'.repeat(10)));
  });
});
