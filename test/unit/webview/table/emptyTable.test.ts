import assert from 'node:assert/strict';
import { emptyTable, type EmptyTable } from '../../../../webview/table/emptyTable';

describe('an empty table', () => {
  const usual: EmptyTable = {
    ...{ tensors: 12, problems: false, matricesOnly: false, filter: '', problem: undefined, found: 0 },
  };
  const says = (table: Partial<EmptyTable>): string => emptyTable({ ...usual, ...table });

  it('says that there is nothing, or that nothing could be listed', () => {
    assert.equal(says({ tensors: 0 }), 'This checkpoint holds no tensors.');
    assert.equal(says({ tensors: 0, matricesOnly: true }), 'This checkpoint holds no tensors.');
    assert.match(says({ tensors: 0, problems: true }), /the problems above say why/);
  });

  it('says that the filter found nothing, and what is wrong with it', () => {
    assert.equal(says({ filter: ' norm ' }), 'Nothing matches “norm”.');
    assert.equal(
      says({ filter: 'x>1', problem: 'No column is called “x”.', matricesOnly: true }),
      'Nothing matches “x>1”. No column is called “x”.',
    );
  });

  it('says what the switch hides, and how to see it', () => {
    assert.equal(
      says({ filter: 'norm', matricesOnly: true, found: 25 }),
      'No matrix matches “norm”. Untick “Matrices only” to see 25 other rows that do.',
    );
    assert.match(says({ filter: 'norm', matricesOnly: true, found: 1 }), /1 other row that does\.$/);
    // A problem of another tensor is no reason.
    for (const problems of [false, true]) {
      assert.equal(
        says({ matricesOnly: true, problems }),
        'No tensor of this checkpoint is a matrix with a spectrum. Untick “Matrices only” to see its 12 tensors.',
      );
    }
    assert.match(says({ tensors: 1, matricesOnly: true }), /to see its one tensor\.$/);
  });
});
