import assert from 'node:assert/strict';
import type { PartSummary, TensorSummary } from '../../../../../extension/shared/tensors';
import { groupsAround, partGroups } from '../../../../../webview/layer/multiples/memberGroups';

const part = (label: string, within?: string): PartSummary => ({
  ...{ name: `w[${label}]`, label, shape: [4, 8] },
  ...(within !== undefined && { within }),
});
const tensor = (name: string, layers = [name]): TensorSummary => ({ name, layers }) as TensorSummary;
const names = (group: { members: readonly { name: string }[] }): string[] => group.members.map(({ name }) => name);

describe('what is drawn side by side of a layer', () => {
  it('is the heads of a projection', () => {
    const [heads, ...others] = partGroups([part('head0'), part('head1')]);
    assert.deepEqual([heads!.label, names(heads!), others], ['Heads', ['w[head0]', 'w[head1]'], []]);
  });

  it('is the heads of each part of a fused one, then the parts', () => {
    const groups = partGroups([
      ...[part('q'), part('q.head0', 'q'), part('q.head1', 'q')],
      ...[part('k'), part('k.head0', 'k'), part('k.head1', 'k')],
      part('v'),
    ]);
    assert.deepEqual(
      groups.map(({ label, members }) => [label, members.length]),
      [
        ['Heads of q', 2],
        ['Heads of k', 2],
        ['Parts', 3],
      ],
    );
  });

  it('is nothing for a single part', () => {
    assert.deepEqual(partGroups([part('q')]), []);
    assert.deepEqual(partGroups([]), []);
  });

  it('is the experts with the same role in the same block, by the numbers in their names', () => {
    const name = (block: number, expert: number, role: string): string =>
      `model.layers.${block}.block_sparse_moe.experts.${expert}.${role}.weight`;
    const tensors = [0, 1].flatMap((block) =>
      [0, 1, 2].flatMap((expert) => ['w1', 'w2'].map((role) => tensor(name(block, expert, role)))),
    );
    const [group] = groupsAround(name(1, 0, 'w2'), [...tensors, tensor('model.layers.1.self_attn.q_proj.weight')]);
    assert.deepEqual(names(group!), [name(1, 0, 'w2'), name(1, 1, 'w2'), name(1, 2, 'w2')]);
    assert.deepEqual(
      group!.members.map(({ label }) => label),
      ['expert 0', 'expert 1', 'expert 2'],
    );
  });

  it('is the matrices of a stack', () => {
    const stack = tensor('experts.w1', ['experts.w1[0]', 'experts.w1[1]']);
    const [group] = groupsAround('experts.w1[1]', [stack, tensor('other')]);
    assert.deepEqual([group!.label, names(group!)], ['Experts', stack.layers]);
    const [other] = groupsAround('attention.w[0]', [tensor('attention.w', ['attention.w[0]', 'attention.w[1]'])]);
    assert.deepEqual([other!.label, other!.members[1]!.label], ['Matrices', 'matrix 1']);
  });

  it('is several groups of very many experts', () => {
    const tensors = Array.from({ length: 300 }, (_, i) => tensor(`model.layers.0.mlp.experts.${i}.up_proj.weight`));
    const groups = groupsAround(tensors[7]!.name, tensors);
    assert.deepEqual(
      groups.map(({ label, members }) => [label, members.length]),
      [
        ['Experts: expert 0 to expert 127', 128],
        ['Experts: expert 128 to expert 255', 128],
        ['Experts: expert 256 to expert 299', 44],
      ],
    );
  });

  it('is nothing for a layer that is no expert, or the only one', () => {
    const lone = 'model.layers.0.mlp.experts.0.up_proj.weight';
    assert.deepEqual(groupsAround(lone, [tensor(lone)]), []);
    const dense = 'model.layers.0.mlp.up_proj.weight';
    assert.deepEqual(groupsAround(dense, [tensor(dense), tensor(lone)]), []);
  });
});
