import assert from 'node:assert/strict';
import type { TensorSummary } from '../../../../extension/shared/tensors';
import { Means } from '../../../../webview/numbers/means';
import { moduleTree, type TreeNode } from '../../../../webview/model/moduleTree';

const tensor = (name: string, layers = [name]): TensorSummary => ({
  ...{ name, group: '', shape: [2, 2], dtype: 'F32', parameters: 4, bytes: 16, layers },
});

describe('means of modules', () => {
  const tree = moduleTree([
    ...['a.0.w', 'a.1.w', 'b.w', 'b.v'].map((name) => tensor(name)),
    tensor('experts.w', ['experts.w[0]', 'experts.w[1]']),
  ]);
  const leafOf = (layer: string): TreeNode | undefined => tree.leaves.find((leaf) => leaf.layer === layer);
  const row = (name: string): TreeNode => {
    let found: TreeNode | undefined;
    const visit = (node: TreeNode): void => {
      if (node.name === name) found ??= node;
      node.children.forEach(visit);
    };
    visit(tree.root);
    return found!;
  };
  let arrivals: string[];
  let values: Map<string, number | null>;
  let means: Means;
  const arrive = (layer: string, value: number | null): void => {
    values.set(layer, value);
    arrivals.push(layer);
  };

  beforeEach(() => {
    arrivals = [];
    values = new Map();
    means = new Means({ arrivals, leafOf }, ({ layer }) => values.get(layer ?? '') ?? null);
  });

  it('are of the layers that arrived, at every level', () => {
    assert.equal(means.of(row('a')), null);
    arrive('a.0.w', 2);
    assert.deepEqual(means.of(row('a')), { mean: 2, count: 1 });
    arrive('a.1.w', 4);
    arrive('b.w', 12);
    assert.deepEqual(means.of(row('a')), { mean: 3, count: 2 });
    assert.deepEqual(means.of(tree.root), { mean: 6, count: 3 });
  });

  it('leave out layers without the number', () => {
    arrive('b.w', 5);
    arrive('b.v', null);
    assert.deepEqual(means.of(row('b')), { mean: 5, count: 1 });
  });

  it('follow a layer that arrives again, with another number or with none', () => {
    arrive('b.w', 5);
    arrive('b.v', 7);
    means.of(row('b'));
    arrive('b.v', 9);
    assert.deepEqual(means.of(row('b')), { mean: 7, count: 2 });
    arrive('b.v', null);
    assert.deepEqual(means.of(row('b')), { mean: 5, count: 1 });
  });

  it('count the matrices of a stack below their tensor', () => {
    arrive('experts.w[0]', 1);
    arrive('experts.w[1]', 2);
    assert.deepEqual(means.of(row('experts.w')), { mean: 1.5, count: 2 });
  });
});
