import assert from 'node:assert/strict';
import { leftToGroups, plannedGroups } from '../../../../extension/compression/plan/plannedGroups';
import { preparePlan } from '../../../../extension/compression/plan/planner';
import type { GroupOption } from '../../../../extension/shared/compression/blockGroups';
import { PLAIN, planLayer } from './planFixture';

const mlp = (block: number, most = 100): GroupOption => ({
  ...{ method: 'nystrom', name: `${block}.mlp`, most, measuredAt: `${block}.mlp.down.weight` },
  members: [`${block}.mlp.up.weight`, `${block}.mlp.down.weight`],
});
const attention = (method: 'vo' | 'qk', why?: string): GroupOption =>
  why === undefined
    ? {
        method,
        name: '0.attn',
        most: 64,
        measuredAt: '0.attn.v.weight',
        members: ['0.attn.v.weight', '0.attn.o.weight'],
      }
    : { method, name: '0.attn', why };
const covered = (...layers: string[]) => ({
  covered: layers.map((layer) => ({ layer, tokens: 1, has: ['gram'] as const, condition: null })),
});

describe('plannedGroups', () => {
  it('gives every group of a method its share, rounded down to multiples', () => {
    const { groups, members, left } = plannedGroups(
      [mlp(0), mlp(1, 300)],
      [{ method: 'nystrom', share: 0.75 }],
      8,
      undefined,
    );
    assert.deepEqual(groups, { '0.mlp': { method: 'nystrom', rank: 72 }, '1.mlp': { method: 'nystrom', rank: 224 } });
    assert.equal(members.get('0.mlp.up.weight')?.kept, 0.72);
    assert.deepEqual(left, []);
    const { leftOut, groupShares } = leftToGroups({ members });
    assert.equal(leftOut['1.mlp.down.weight'], 'becomes smaller by nystrom in its group');
    assert.equal(groupShares['0.mlp.up.weight'], 0.72);
  });

  it('keeps dimensions of heads even, and the exact product where binary has none', () => {
    assert.equal(
      plannedGroups([attention('vo')], [{ method: 'vo', share: 0.4 }], 32, undefined).groups['0.attn']?.rank,
      24,
    );
    assert.equal(plannedGroups([mlp(0)], [{ method: 'nystrom', share: 0.07 }], 1, undefined).groups['0.mlp']?.rank, 7);
  });

  it('leaves groups without a Gram matrix, and says so; if none is left it refuses', () => {
    const share = [{ method: 'nystrom', share: 0.5 }] as const;
    const { groups, left } = plannedGroups([mlp(0), mlp(1)], share, 1, covered('1.mlp.down.weight'));
    assert.deepEqual(Object.keys(groups), ['1.mlp']);
    assert.deepEqual(left, [
      { name: '0.mlp', why: 'the statistics have no Gram matrix of the inputs of 0.mlp.down.weight' },
    ]);
    assert.throws(
      () => plannedGroups([mlp(0)], share, 1, covered()),
      /^RangeError: no group fits nystrom: 0\.mlp: the stat/,
    );
    assert.throws(() => plannedGroups([], share, 1, undefined), /no group fits nystrom: the checkpoint has none/);
    assert.throws(
      () => plannedGroups([attention('qk', 'turns')], [{ method: 'qk', share: 0.5 }], 1, undefined),
      /no group fits qk: 0\.attn: turns/,
    );
  });

  it('refuses two methods for one group', () => {
    const shares = [
      { method: 'vo', share: 0.5 },
      { method: 'qk', share: 0.5 },
    ] as const;
    assert.throws(
      () => plannedGroups([attention('vo'), attention('qk')], shares, 1, undefined),
      /by vo and by qk in one plan/,
    );
  });

  it('makes a planner count what stays of the groups', () => {
    const planner = preparePlan(
      ['0.mlp.up.weight', '0.attn.q.weight'].map((name) => planLayer(name, 10, 10, [5, 4, 3, 2, 1, 1, 1, 1, 1, 1])),
      { bytes: 0, parameters: 0 },
    );
    const out = leftToGroups(plannedGroups([mlp(0)], [{ method: 'nystrom', share: 0.4 }], 1, undefined));
    // 40 of 100 in the group; 80 of 200 in all leave the other 40, which are two directions.
    const { layers, totals } = planner.allocate({ ...PLAIN, target: { kind: 'parameters', value: 0.4 }, ...out });
    assert.deepEqual(layers['0.attn.q.weight'], { method: 'svd', rank: 2 });
    assert.deepEqual(totals.parameters, { before: 200, after: 80 });
    assert.equal('keep' in layers['0.mlp.up.weight']!, true);
  });
});
