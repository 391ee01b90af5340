/** What training programs store beside a model is told apart by its structure, and never a weight with it. */
import assert from 'node:assert/strict';
import { openModel } from '../../../../extension/checkpoint/openModel';
import {
  PickleDict,
  PickleObject,
  PickleSequence,
  PickleStorage,
  PickleTensor,
  type PickleValue,
} from '../../../../extension/checkpoint/pickle/pickleValues';
import { OpeningBudget } from '../../../../extension/checkpoint/files/openingBudget';
import { readStateDict } from '../../../../extension/checkpoint/pytorch/stateDict';
import { torchStorageType } from '../../../../extension/checkpoint/pytorch/torchTypes';
import { namedState } from '../../../../extension/checkpoint/elements/trainingNames';
import { readModelConfig } from '../../../../extension/checkpoint/modelConfig';
import { summarise } from '../../../../extension/engine/document/summary';
import type { CheckpointSummary, DType } from '../../../../extension/shared/tensors';
import { sharedCase } from '../../../harness/checkpoints/sharedCases';

function tensor(shape: number[], type = 'Float'): PickleTensor {
  const stored = torchStorageType(`torch.${type}Storage`)!;
  const size = shape.reduce((product, length) => product * length, 1);
  return new PickleTensor(new PickleStorage('0', stored, size), stored.dtype!, 0, shape, shape);
}

function dict(entries: Readonly<Record<string, PickleValue>>): PickleDict {
  const made = new PickleDict();
  for (const [key, value] of Object.entries(entries)) made.set(/^\d+$/.test(key) ? Number(key) : key, value);
  return made;
}

function list(...items: PickleValue[]): PickleSequence {
  return new PickleSequence('list', items);
}

function tuple(...items: PickleValue[]): PickleSequence {
  return new PickleSequence('tuple', items);
}

const weights = (): PickleDict => dict({ '0.weight': tensor([64, 64]), '0.bias': tensor([64]) });

const adam = (): PickleDict =>
  dict({
    state: dict({ 0: dict({ step: tensor([]), exp_avg: tensor([64, 64]), exp_avg_sq: tensor([64, 64]) }) }),
    param_groups: list(dict({ lr: 0.1, params: list(0) })),
  });

/** A module of PyTorch, pickled whole. */
function linear(): PickleObject {
  const object = new PickleObject('torch.nn.modules.linear.Linear', null);
  object.state = dict({
    _parameters: dict({ weight: tensor([64, 64]), bias: tensor([64]) }),
    _buffers: dict({}),
    _modules: dict({}),
  });
  return object;
}

/** Of each tensor, `group | name`, in order: the model's, and what the others are. */
function sorted(root: PickleValue): { model: string[]; others: Record<string, string> } {
  const model: string[] = [];
  const others: Record<string, string> = {};
  for (const { group, name, notModel } of readStateDict(root, new OpeningBudget('made.pt')).tensors) {
    const path = [group, name].filter((part) => part !== '' && !name.startsWith(`${part}.`)).join('.');
    if (notModel === undefined) model.push(path);
    else others[path] = notModel;
  }
  return { model, others };
}

describe('what is pickled beside a model', () => {
  const optimizers: Readonly<Record<string, PickleValue>> = {
    'by an optimizer of any name': dict({ net: weights(), adam: adam() }),
    'deep below': dict({ trainer: dict({ net: weights(), inner: dict({ sgd: adam() }) }) }),
    'in a tuple without names': tuple(weights(), adam()),
    'in a list of several': dict({ net: weights(), states: list(adam(), adam()) }),
    'as an object of its class': dict({
      net: weights(),
      adam: Object.assign(new PickleObject('torch.optim.adam.Adam', null), { state: adam() }),
    }),
    "in fastai's form": dict({
      model: weights(),
      opt: dict({ state: list(dict({ sqr_avg: tensor([64, 64]) })), hypers: list(dict({ lr: 0.1 })) }),
    }),
    "in Megatron's, with master weights": dict({
      model: weights(),
      optimizer: dict({ optimizer: adam(), fp32_from_fp16_params: list(list(tensor([64, 64]))) }),
    }),
  };
  for (const [what, root] of Object.entries(optimizers)) {
    it(`optimizer state ${what}`, () => {
      const { model, others } = sorted(root);
      assert.equal(model.length, 2, model.join());
      assert.ok(model.every((name) => /0\.(weight|bias)$/.test(name)));
      assert.ok(Object.keys(others).length >= 1);
      assert.deepEqual([...new Set(Object.values(others))], ['optimizer state']);
    });
  }

  it("an optimizer's own file is all state", () => {
    const { model, others } = sorted(adam());
    assert.deepEqual(model, []);
    assert.equal(Object.keys(others).length, 3);
  });

  it('random states: by their keys where they are integers, by what they are elsewhere', () => {
    const { model, others } = sorted(
      dict({
        model: weights(),
        rng_state: list(
          dict({ torch_rng_state: tensor([5056], 'Byte'), tracker: dict({ 'a-rng': tensor([8], 'Byte') }) }),
        ),
        python: dict({ cpu: tensor([5056], 'Byte'), cuda: tensor([16], 'Byte') }),
        numpy: tuple('MT19937', tensor([624], 'Int'), 5),
      }),
    );
    assert.equal(model.length, 2);
    assert.deepEqual([...new Set(Object.values(others))], ['random state']);
    assert.equal(Object.keys(others).length, 5);
  });

  it("Lightning's callbacks, and modules among the arguments of a class", () => {
    const checkpoint = dict({
      state_dict: weights(),
      callbacks: dict({ EMA: dict({ 'ema.weight': tensor([64, 64]) }) }),
      hyper_parameters: dict({ encoder: linear() }),
    });
    const { model, others } = sorted(checkpoint);
    assert.equal(model.length, 2);
    assert.deepEqual(Object.values(others), ['training state', 'copied module', 'copied module']);
    // Without a state_dict the arguments are all there is.
    assert.equal(sorted(dict({ hyper_parameters: dict({ encoder: linear() }) })).model.length, 2);
  });

  it('single numbers beside state_dicts and an optimizer; not beside loose weights', () => {
    const root = { net: weights(), adam: adam(), steps: tensor([1], 'Long'), log_alpha: tensor([]) };
    assert.equal(sorted(dict(root)).model.length, 2);
    const loose = sorted(dict({ ...root, table: tensor([8, 8]) })).model;
    assert.deepEqual(loose.slice(2), ['steps', 'log_alpha', 'table']);
    assert.deepEqual(sorted(dict({ net: weights(), scale: tensor([]) })).others, {});
  });

  it('an average without names, and its counters', () => {
    const average = dict({ decay: 0.99, num_updates: 3, shadow_params: list(tensor([64, 64])) });
    assert.deepEqual(Object.values(sorted(dict({ model: weights(), ema: average })).others), ['training state']);
    const counted = dict({
      'a.weight': tensor([4, 4]),
      'model_ema.decay': tensor([]),
      n_averaged: tensor([], 'Long'),
      'model_ema.aweight': tensor([4, 4]),
    });
    assert.deepEqual(sorted(counted).model, ['a.weight', 'model_ema.aweight']);
  });

  it('takes no weights for anything else, whatever their keys', () => {
    for (const key of ['opt', 'optimizer', 'scheduler', 'scaler', 'generator', 'rng', 'state', 'loops', 'seed']) {
      const { model, others } = sorted(dict({ [key]: weights(), adam: adam() }));
      assert.equal(model.length, 2, key);
      assert.ok(Object.values(others).every((kind) => kind === 'optimizer state'));
    }
    // A model of one tensor under an optimizer's key, and one that lies deep.
    assert.equal(sorted(dict({ opt: dict({ table: tensor([8, 8]) }) })).model.length, 1);
    const deep = dict({ opt: dict({ a: dict({ b: dict({ c: weights() }) }) }) });
    assert.equal(sorted(deep).model.length, 2);
  });
});

describe('names of what is stored beside a model', () => {
  const KINDS: readonly [name: string, dtype: DType, shape: number[], kind: string | undefined][] = [
    ['opt_state/0/mu/params/Dense_0/kernel', 'F32', [8, 8], 'optimizer state'],
    ['opt_state/0/count', 'I32', [], 'optimizer state'],
    ['optim.state.layers.0.weight.exp_avg', 'F32', [8, 8], 'optimizer state'],
    ['app.optimizer.exp_avg.layers.0.weight', 'F32', [8, 8], 'optimizer state'],
    ['params/Dense_0/kernel', 'F32', [8, 8], undefined],
    ['model.optim.weight', 'F32', [8, 8], undefined],
    ['optimizer.weight', 'F32', [8, 8], undefined],
    ['opt.decoder.layers.0.fc1.weight', 'F32', [8, 8], undefined],
    ['rng', 'U32', [2], 'random state'],
    ['layers/dropout/seed_generator/vars/0', 'U32', [2], 'random state'],
    ['rng/kernel', 'F32', [8, 8], undefined],
    ['step', 'I32', [], 'training state'],
    ['encoder.step', 'I32', [], undefined],
  ];
  for (const [name, dtype, shape, kind] of KINDS) {
    it(`${name}: ${kind ?? 'the model'}`, () => assert.equal(namedState({ name, dtype, shape }), kind));
  }
});

describe('training checkpoints of many programs', () => {
  async function summaryOf(file: string): Promise<CheckpointSummary> {
    const checkpoint = await openModel(file);
    try {
      return summarise(checkpoint, 'd', [], await readModelConfig(checkpoint));
    } finally {
      await checkpoint.close();
    }
  }

  const PARAMETERS: Readonly<Record<string, number>> = {
    ...Object.fromEntries(
      ['adam', 'cyclegan', 'ddpg', 'espnet', 'fairseq', 'fastai', 'imagen', 'nanogpt', 'sac', 'stylegan2', 'trainer']
        .concat(['tts', 'tuple', 'vqgan', 'wavenet'])
        .map((name) => [`optim/${name}.pt`, 8320]),
    ),
    'fairseq/checkpoint_best.pt': 32 * 8 + 1,
    'megatron/model_optim_rng.pt': 2 * 32 * 8 + 24 * 8 + 24,
    'plmodules/copied.ckpt': 32 * 64 + 32,
    'plmodules/shared.ckpt': 32 * 64 + 32,
  };
  for (const [file, parameters] of Object.entries(PARAMETERS)) {
    it(`${file}: ${parameters} parameters`, async function () {
      const summary = await summaryOf(sharedCase(this, ...file.split('/')));
      assert.equal(summary.parameters, parameters);
      const counted = summary.tensors.filter(({ notModel, sharedWith }) => !notModel && sharedWith === undefined);
      assert.equal(
        counted.reduce((sum, tensor) => sum + tensor.parameters, 0),
        parameters,
      );
    });
  }
});
