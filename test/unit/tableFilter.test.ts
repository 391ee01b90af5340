import assert from 'node:assert/strict';
import type { TensorSummary } from '../../extension/protocol';
import { moduleTree } from '../../webview/moduleTree';
import { FuzzyFilter } from '../../webview/tableOrder';

function tensor(name: string, alias?: string): TensorSummary {
  const numbers = { parameters: 64, bytes: 256, shape: [8, 8] };
  return { name, ...(alias !== undefined && { alias }), group: '', dtype: 'F32', ...numbers, layers: [name] };
}

describe('the filter of the table', () => {
  const q = tensor('blk.0.attn_q.weight', 'model.layers.0.self_attn.q_proj.weight');
  const filter = new FuzzyFilter(moduleTree([q, tensor('output.weight', 'lm_head.weight'), tensor('rope_freqs')]));
  const rows = (text: string) => filter.rows(text, null).map(({ node, found }) => [node.name, found]);

  it('finds a tensor by its own name, and shows no more than that', () => {
    assert.deepEqual(rows('attn_q'), [['blk.0.attn_q.weight', undefined]]);
    assert.deepEqual(rows('rope'), [['rope_freqs', undefined]]);
  });

  it('finds a tensor by its alias, and shows both', () => {
    assert.deepEqual(rows('q_proj'), [['blk.0.attn_q.weight', `${q.name} · ${q.alias!}`]]);
    assert.deepEqual(rows('lm_head'), [['output.weight', 'output.weight · lm_head.weight']]);
  });
});
