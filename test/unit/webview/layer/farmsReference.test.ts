/** FARMS's alpha of a layer among those of the model and of its role. */
import assert from 'node:assert/strict';
import type { LayerResult } from '../../../../extension/shared/layers';
import { farmsReference, referenceFinding } from '../../../../webview/layer/farmsReference';

const result = (name: string, alpha: number | null): LayerResult =>
  ({ name, farms: { status: alpha === null ? 'failed' : 'success', alpha } }) as LayerResult;

const name = (block: number, part: string): string => `model.layers.${block}.${part}.weight`;

describe('FARMS α beside other layers', () => {
  const q = [2, 2.2, 2.4, 2.6, 3].map((alpha, block) => result(name(block, 'self_attn.q_proj'), alpha));
  const up = [3, 3.2, 3.4, 3.6].map((alpha, block) => result(name(block, 'mlp.up_proj'), alpha));
  const failed = result(name(9, 'mlp.up_proj'), null);

  it('counts those below, of the model and of the role, without itself', () => {
    const found = farmsReference(q[4]!.name, q[4]!, [...up, ...q, failed])!;
    assert.deepEqual(
      found.groups.map(({ label, others, middle }) => [label, others.length, middle]),
      [
        ['all layers', 8, [2.4, 3.2]],
        ['q', 4, [2.2, 2.4]],
      ],
    );
    assert.equal(
      referenceFinding(found),
      'FARMS α 3 is larger than that of 4 of 8 other layers; half of them lie between 2.40 and 3.20. ' +
        'It is larger than that of 4 of 4 other q layers; half of them lie between 2.20 and 2.40.',
    );
  });

  it('has one group where all layers have one role, and no band of few', () => {
    const found = farmsReference(q[0]!.name, q[0]!, q.slice(0, 3))!;
    assert.deepEqual(
      found.groups.map(({ label, middle }) => [label, middle]),
      [['all layers', null]],
    );
    assert.equal(referenceFinding(found), 'FARMS α 2 is larger than that of 0 of 2 other layers.');
  });

  it('is none without an alpha, or alone', () => {
    assert.equal(farmsReference(failed.name, failed, q), null);
    assert.equal(farmsReference(q[0]!.name, q[0]!, [q[0]!, failed]), null);
  });
});
