import assert from 'node:assert/strict';
import { gridFinding, memberLines, type MemberSpectrum } from '../../../../../webview/plots/multiples/members';
import { PanelGrid } from '../../../../../webview/plots/multiples/panelGrid';

const spectrum = (alpha: number | null): MemberSpectrum => ({
  eigenvalues: Float64Array.of(1, 2, 8),
  fit: {
    ...{ rule: 'KS', status: alpha === null ? 'failed' : 'success', alpha, D: 0.125, xmin: 2, xmax: 8 },
    ...{ num_pl_spikes: 2, sigma: 1, ...(alpha === null && { reason: 'too few eigenvalues' }) },
  },
});
const members = ['a', 'b', 'c', 'd'].map((name, i) => ({ name, label: `head${i}` }));

describe('what small multiples say', () => {
  it('is the range of alpha, with those at its ends, and the median', () => {
    const known = new Map([
      ['a', spectrum(3)],
      ['b', spectrum(5.5)],
      ['c', spectrum(2)],
      ['d', spectrum(4)],
    ]);
    const finding = '4 of 4 spectra computed. Alpha from 2 (head2) to 5.50 (head1), median 3.50.';
    assert.equal(gridFinding(members, known), finding);
  });

  it('counts what failed or has no alpha as computed, and says if none has one', () => {
    const known = new Map<string, MemberSpectrum>([
      ['a', { problem: 'NaN' }],
      ['b', spectrum(null)],
    ]);
    assert.equal(gridFinding(members, known), '2 of 4 spectra computed; none has an alpha.');
    known.set('c', spectrum(2.5));
    assert.equal(
      gridFinding(members, known),
      '3 of 4 spectra computed. Alpha from 2.50 (head2) to 2.50 (head2), median 2.50.',
    );
  });

  it('is each member’s numbers, or why it has none', () => {
    const [member] = members;
    assert.deepEqual(memberLines(member!, undefined), ['head0', 'not computed']);
    assert.deepEqual(memberLines(member!, { problem: 'it holds NaN' }), ['head0', 'it holds NaN']);
    assert.deepEqual(memberLines(member!, spectrum(3.25)), ['head0', 'alpha 3.25', 'D 0.13', 'xmin 2', 'λ₁ 8']);
    assert.deepEqual(memberLines(member!, spectrum(null)), ['head0', 'no alpha: too few eigenvalues', 'λ₁ 8']);
  });
});

describe('the panels of small multiples', () => {
  it('fill the width in rows, all of one size', () => {
    const grid = new PanelGrid(10, 500);
    assert.equal(grid.columns, 4);
    assert.deepEqual(
      [0, 1, 2].map((row) => grid.columnsOf(row)),
      [4, 4, 2],
    );
    const last = grid.box(3);
    assert.ok(Math.abs(last.left + last.width - 500) < 1e-9, 'the last one of a row ends at the right');
    assert.equal(grid.box(9).top + grid.box(9).height, grid.height);
  });

  it('are found by any place in them, with the name above', () => {
    const grid = new PanelGrid(10, 500);
    for (let i = 0; i < 10; i++) {
      const { left, top, width, height } = grid.box(i);
      assert.equal(grid.at(left + width / 2, top + height / 2), i);
      assert.equal(grid.at(left + 1, top - 5), i);
    }
    assert.equal(grid.at(499, grid.height - 1), -1, 'the last row has two');
    assert.equal(grid.at(-1, 5), -1);
  });

  it('are one below the other where there is room for one', () => {
    const grid = new PanelGrid(3, 60);
    assert.deepEqual([grid.columns, grid.rows], [1, 3]);
  });
});
