import assert from 'node:assert/strict';
import { ggufRowOrder, unpairedRows } from '../../../../extension/checkpoint/gguf/ggufRowOrder';

describe('the order of rows in GGUF files', () => {
  const llama = {
    'general.architecture': 'llama',
    'llama.attention.head_count': '4',
    'llama.attention.head_count_kv': '2',
  };

  it('is undone head by head: the two halves of a head stand in turn', () => {
    // Two heads of 6 rows; their halves are 0 1 2 | 3 4 5 and 6 7 8 | 9 10 11. Each row is two bytes.
    const paired = [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11];
    const bytes = Uint8Array.from(paired.flatMap((row) => [row, 100 + row]));
    const rows = Array.from({ length: 12 }, (_, row) => [row, 100 + row]).flat();
    assert.deepEqual([...unpairedRows(bytes, 12, 2)], rows);
  });

  it('is that of pairs for q and k of Llama, by their own numbers of heads', () => {
    assert.deepEqual(ggufRowOrder('blk.3.attn_q.weight', 32, llama), { kind: 'paired', heads: 4 });
    assert.deepEqual(ggufRowOrder('blk.3.attn_k.weight', 16, llama), { kind: 'paired', heads: 2 });
    const { 'llama.attention.head_count_kv': _, ...alike } = llama;
    assert.deepEqual(ggufRowOrder('blk.3.attn_k.weight', 32, alike), { kind: 'paired', heads: 4 });
    for (const name of ['blk.3.attn_v.weight', 'blk.3.attn_output.weight', 'blk.3.ffn_up.weight', 'output.weight']) {
      assert.deepEqual(ggufRowOrder(name, 32, llama), { kind: 'same' }, name);
    }
    assert.deepEqual(ggufRowOrder('blk.3.attn_q.weight', 32, { 'general.architecture': 'qwen2' }), { kind: 'same' });
  });

  it('is not guessed', () => {
    const why = (name: string, rows: number, metadata: Record<string, string>): string => {
      const order = ggufRowOrder(name, rows, metadata);
      return order.kind === 'unknown' ? order.why : order.kind;
    };
    const silent = { 'general.architecture': 'llama' };
    assert.match(why('blk.0.attn_q.weight', 32, silent), /its metadata names no number of heads for 32 rows/);
    assert.match(why('blk.0.attn_q.weight', 20, llama), /its metadata names 4 heads for 20 rows/);
    assert.match(
      why('blk.0.attn_q.weight', 32, { ...llama, 'llama.attention.head_count': '[4, 8]' }),
      /\[4, 8\] heads/,
    );
    assert.match(
      why('blk.0.attn_qkv.weight', 96, { 'general.architecture': 'falcon' }),
      /an order of llama\.cpp's own/,
    );
    assert.match(why('blk.0.attn_k.weight', 96, { 'general.architecture': 'minicpm' }), /does not tell/);
  });
});
