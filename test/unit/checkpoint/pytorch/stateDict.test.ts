/** Which keys are wrappers, what tensors are called, and what is done about graphs built to never end. */
import assert from 'node:assert/strict';
import {
  PickleDict,
  PickleObject,
  PickleSequence,
  PickleStorage,
  PickleTensor,
  type PickleValue,
} from '../../../../extension/checkpoint/pickle/pickleValues';
import { OpeningBudget } from '../../../../extension/checkpoint/files/openingBudget';
import { readStateDict as readWithin, type StateDict } from '../../../../extension/checkpoint/pytorch/stateDict';
import { torchStorageType } from '../../../../extension/checkpoint/pytorch/torchTypes';
import { quickly } from '../../../harness/quick';

const storage = new PickleStorage('0', torchStorageType('torch.FloatStorage')!, 1);
const tensor = new PickleTensor(storage, 'F32', 0, [1], [1]);

function dict(...pairs: [PickleValue, PickleValue][]): PickleDict {
  const made = new PickleDict();
  for (const [key, value] of pairs) made.set(key, value);
  return made;
}

function list(...items: PickleValue[]): PickleSequence {
  return new PickleSequence('list', items);
}

function module(
  name: string,
  parts: { parameters?: PickleDict; buffers?: PickleDict; modules?: PickleDict },
): PickleObject {
  const object = new PickleObject(name, null);
  const { parameters = dict(), buffers = dict(), modules = dict() } = parts;
  object.state = dict(['training', true], ['_parameters', parameters], ['_buffers', buffers], ['_modules', modules]);
  return object;
}

function pairsOf(keys: readonly string[]): [PickleValue, PickleValue][] {
  return keys.map((key) => [key, tensor]);
}

function readStateDict(root: PickleValue): StateDict {
  return readWithin(root, new OpeningBudget('made.pt'));
}

/** `group | name` of each tensor. */
function found(root: PickleValue): string[] {
  return readStateDict(root).tensors.map(({ group, name }) => `${group} | ${name}`);
}

describe('state_dict', () => {
  it('a plain one keeps its keys, DataParallel prefixes included', () => {
    const keys = ['module.conv1.weight', 'weight', 'a b', 'état', '0'];
    assert.deepEqual(
      found(dict(...keys.map((key): [string, PickleValue] => [key, tensor]))),
      keys.map((key) => ` | ${key}`),
    );
  });

  it('customary keys and dictionaries of dotted keys are groups', () => {
    const root = dict(
      ['epoch', 3],
      ['model', dict(['weight', tensor])],
      ['backbone', dict(['conv1.weight', tensor])],
      ['outer', dict(['w', dict(['x', tensor])])],
    );
    assert.deepEqual(found(root), ['model | weight', 'backbone | conv1.weight', ' | outer.w.x']);
  });

  it('what holds nothing but groups is part of their name, however it is called', () => {
    const state = dict(['model', dict(['net', dict(['a.weight', tensor])])], ['step', 3]);
    assert.deepEqual(found(dict(['trainer', dict(['state', state])])), ['trainer.state.model.net | a.weight']);
    // A tensor beside the group, and a state_dict too far below, make plain keys of them.
    assert.deepEqual(found(dict(['mixed', dict(['scale', tensor], ['model', dict(['w', tensor])])])), [
      ' | mixed.scale',
      ' | mixed.model.w',
    ]);
    const deep = dict(['a', dict(['b', dict(['c', dict(['d', dict(['e', dict(['f.weight', tensor])])])])])]);
    assert.deepEqual(found(deep), [' | a.b.c.d.e.f.weight']);
    // One that holds itself is looked at once.
    const own = dict(['model', dict(['w', tensor])]);
    own.set('again', own);
    assert.deepEqual(found(dict(['own', own])), ['own.model | w']);
  });

  it('plain nested dictionaries are joined, also below a wrapper', () => {
    const encoder = dict(['encoder', dict(['w', tensor])], ['decoder', dict(['w', tensor])]);
    assert.deepEqual(found(encoder), [' | encoder.w', ' | decoder.w']);
    assert.deepEqual(found(dict(['state_dict', encoder])), ['state_dict | encoder.w', 'state_dict | decoder.w']);
  });

  it('a name that two groups hold has its group in front, in both; others stay', () => {
    const root = dict(
      ['state_dict', dict(['a.weight', tensor], ['b.weight', tensor])],
      ['ema', dict(['a.weight', tensor])],
    );
    assert.deepEqual(found(root), ['state_dict | state_dict.a.weight', 'state_dict | b.weight', 'ema | ema.a.weight']);
  });

  it("an optimizer's state, with integer keys, tuples and lists", () => {
    const state = dict([0, dict(['exp_avg', tensor], ['step', 5])], [1, dict(['moments', list(tensor, tensor)])]);
    const optimizer = dict(['state', state], ['param_groups', list(dict(['lr', 0.1], ['params', list(0, 1)]))]);
    const names = ['0.exp_avg', '1.moments.0', '1.moments.1'];
    assert.deepEqual(
      found(dict(['adam', optimizer])),
      names.map((name) => `adam.state | ${name}`),
    );
    assert.deepEqual(
      found(dict(['optimizer_states', list(optimizer)])),
      names.map((name) => `optimizer_states.0.state | ${name}`),
    );
    const { metadata } = readStateDict(dict(['adam', optimizer]));
    assert.equal(metadata['adam.param_groups.0.lr'], '0.1');
    assert.equal(metadata['adam.param_groups.0.params'], '[0, 1]');
  });

  it('whole modules are walked as state_dict() would', () => {
    const linear = module('torch.nn.Linear', { parameters: dict(['weight', tensor], ['bias', null]) });
    const norm = module('torch.nn.BatchNorm1d', { buffers: dict(['running_mean', tensor]) });
    const net = module('my.Net', { modules: dict(['fc', linear], ['bn', norm]) });
    assert.deepEqual(found(net), [' | fc.weight', ' | bn.running_mean']);
    assert.deepEqual(found(dict(['net2', net], ['epoch', 1])), ['net2 | fc.weight', 'net2 | bn.running_mean']);
    const { metadata } = readStateDict(dict(['net2', net]));
    assert.deepEqual(metadata, { net2: '<my.Net>' });
  });

  it('tensors inside of unknown objects are listed by attribute', () => {
    const object = new PickleObject('my.Config', new PickleSequence('tuple', [1, tensor]));
    object.state = dict(['mean', tensor], ['name', 'x']);
    const { tensors, metadata } = readStateDict(dict(['config', object]));
    assert.deepEqual(
      tensors.map(({ name }) => name),
      ['config.1', 'config.mean'],
    );
    assert.deepEqual(metadata, { config: '<my.Config(1, …)>', 'config.name': 'x' });
  });

  it('a lone tensor, a list of them, and keys that are not text', () => {
    assert.deepEqual(found(tensor), [' | tensor']);
    assert.deepEqual(found(list(tensor, dict(['w', tensor]))), [' | 0', ' | 1.w']);
    const keys = dict([7, tensor], [null, tensor], [true, tensor], [new PickleSequence('tuple', [1, 'a']), tensor]);
    assert.deepEqual(found(keys), [' | 7', ' | None', ' | true', ' | (1, a)']);
  });

  it('equal names within one dictionary are numbered', () => {
    assert.deepEqual(
      found(dict([0, tensor], ['0', tensor], ['0#2', tensor], ['a', dict(['b', tensor])], ['a.b', tensor])),
      [' | 0', ' | 0#2', ' | 0#2#2', ' | a.b', ' | a.b#2'],
    );
  });

  it('scalars are metadata, outermost first, long ones shortened', () => {
    const many = Array.from({ length: 500 }, (_, i): [string, PickleValue] => [`k${i}`, i]);
    const { metadata } = readStateDict(dict(['args', dict(...many)], ['epoch', 3], ['note', 'x'.repeat(10_000)]));
    assert.equal(Object.keys(metadata).length, 200);
    assert.equal(metadata.epoch, '3');
    assert.ok(metadata.note!.length < 500);
    assert.equal(metadata['args.k5'], '5');
  });

  describe('graphs that are traps', () => {
    it('a dictionary that holds itself', () => {
      const root = dict(['w', tensor]);
      root.set('self', root);
      root.set('list', list(root, tensor));
      assert.deepEqual(found(root), [' | w', ' | list.1']);
    });

    it('doubling: 2^60 paths to one tensor', () => {
      let value: PickleValue = list(tensor);
      for (let i = 0; i < 60; i++) value = list(value, value);
      const { tensors, limits } = readStateDict(value);
      assert.ok(tensors.length <= 8, String(tensors.length));
      assert.match(limits[0]!, /more than 8 places/);
    });

    it('says that the list ends early, whatever it has said before', () => {
      const shared = list(tensor);
      const keys = Array.from({ length: 100 }, (_, i) => `w${i}`);
      const root = dict(['shared', list(...Array<PickleValue>(9).fill(shared))], ...pairsOf(keys));
      const budget = new OpeningBudget('made.pt');
      budget.take(budget.left - 50_000);
      const { tensors, limits } = readWithin(root, budget);
      assert.ok(tensors.length < 100, String(tensors.length));
      assert.match(limits[0]!, /more than 8 places/);
      assert.match(limits[1]!, /bytes of memory to open.*; the rest is not listed$/);
    });

    it('doubling without a tensor costs nothing', () => {
      let value: PickleValue = list(1);
      for (let i = 0; i < 100; i++) value = list(value, value);
      assert.deepEqual(readStateDict(value), { tensors: [], metadata: {}, limits: [] });
    });

    it('nested deeper than any model', () => {
      let value: PickleValue = tensor;
      for (let i = 0; i < 100_000; i++) value = i % 2 === 0 ? list(value) : dict(['k', value]);
      assert.match(readStateDict(value).limits[0]!, /deeper than 200/);
      let object: PickleValue = tensor;
      for (let i = 0; i < 100_000; i++) object = new PickleObject('a.B', object);
      assert.match(readStateDict(dict(['x', object])).limits[0]!, /deeper than 200/);
    });

    it('names that are too long', () => {
      const { tensors, limits } = readStateDict(dict(['x'.repeat(1e6), tensor], ['w', tensor]));
      assert.deepEqual(
        tensors.map(({ name }) => name),
        ['w'],
      );
      assert.match(limits[0]!, /more than 4096 characters and is not listed/);
      assert.ok(limits[0]!.length < 300);
    });

    it('a list of itself, and of one plain list, ten thousand times: two bytes of a pickle each', () => {
      const plain = list(1, 2);
      let looked = 0;
      const { items } = plain;
      Object.defineProperty(plain, 'items', { get: () => ((looked += 1), items) });
      const outer = list(...Array.from({ length: 10_000 }, () => plain));
      for (let i = 0; i < 10_000; i++) outer.items.push(outer);
      assert.deepEqual(found(dict(['held', outer], ['w', tensor])), [' | w']);
      assert.ok(looked < 100, `looked at it ${looked} times`);
    });

    it('an empty list before a tensor does not hide what follows', () => {
      const empty = list();
      const items = [...Array.from({ length: 20 }, () => empty), tensor];
      assert.deepEqual(found(dict(['held', list(...items)])), [' | held.20']);
    });

    it('one large dictionary in a hundred thousand places', async () => {
      const large = dict(...Array.from({ length: 100_000 }, (_, i): [number, PickleValue] => [i, i]));
      const root = dict(...Array.from({ length: 100_000 }, (_, i): [number, PickleValue] => [i, large]));
      const { tensors } = await quickly(5000, () => readStateDict(root));
      assert.deepEqual(tensors, []);
    });
  });
});
