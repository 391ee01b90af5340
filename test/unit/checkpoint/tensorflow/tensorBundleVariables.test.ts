/** Variables of TensorFlow checkpoints: objects, slots of optimizers, and slices. */
import assert from 'node:assert/strict';
import {
  concat,
  objectGraph,
  ramp,
  textBytes,
  TF,
  type BundleTensor,
  type SlicedTensor,
} from '../../../harness/checkpoints/tensorBundleWriter';
import { codeOf, namesOf, readHex } from '../../../harness/checkpoints/torchFiles';
import { tensorBundles, VALUE, step, hex } from '../../../harness/checkpoints/tensorBundles';

describe('TensorFlow checkpoints', () => {
  const { open } = tensorBundles();

  describe('of TensorFlow 2', () => {
    const keys = [
      'model/layer/kernel',
      'model/layer/kernel/.OPTIMIZER_SLOT/optimizer/m',
      'model/layer/kernel/.OPTIMIZER_SLOT/optimizer/v',
      'optimizer/iter',
      'optimizer/learning_rate',
      'save_counter',
    ].map((key) => key + VALUE);

    it('have the path without its ending for a name, optimizer state in a group, full names beside', async () => {
      const graph = objectGraph([
        { key: keys[0]!, fullName: 'dense/kernel' },
        { key: keys[1]!, fullName: 'Adam/dense/kernel/m' },
        { key: keys[3]!, fullName: 'counter' },
        { key: keys[5]!, fullName: 'counter' },
        { key: 'elsewhere', fullName: 'x' },
        { key: keys[4]!, fullName: '' },
      ]);
      const checkpoint = await open([
        ...keys.map((name, i): BundleTensor => ({ name, shape: i < 3 ? [2, 2] : [], bytes: ramp(i < 3 ? 4 : 1, i) })),
        { name: '_CHECKPOINTABLE_OBJECT_GRAPH', type: TF.STRING, shape: [], bytes: textBytes(graph) },
      ]);
      assert.deepEqual(checkpoint.problems, []);
      assert.deepEqual(
        checkpoint.tensors.map(({ name, group, alias }) => [name, group, alias]),
        [
          ['model/layer/kernel', '', 'dense/kernel'],
          ['optimizer/model/layer/kernel/m', 'optimizer', 'Adam/dense/kernel/m'],
          ['optimizer/model/layer/kernel/v', 'optimizer', undefined],
          ['optimizer/iter', 'optimizer', undefined],
          ['optimizer/learning_rate', 'optimizer', undefined],
          ['save_counter', '', undefined],
        ],
      );
      assert.equal(await readHex(checkpoint, 'optimizer/model/layer/kernel/m'), hex(ramp(4, 1)));
      assert.ok(!('tensors of text' in checkpoint.metadata));
    });

    it('keep their names where the graph of objects is damaged', async () => {
      const graph = objectGraph([{ key: keys[0]!, fullName: 'dense/kernel' }]);
      for (const bytes of [graph.subarray(3), textBytes(graph).subarray(1), concat(textBytes(graph), [0])]) {
        const checkpoint = await open([
          { name: keys[0]!, shape: [2, 2], bytes: ramp(4) },
          { name: '_CHECKPOINTABLE_OBJECT_GRAPH', type: TF.STRING, shape: [], bytes },
        ]);
        assert.deepEqual(namesOf(checkpoint), ['model/layer/kernel']);
        assert.deepEqual(
          checkpoint.problems.map(({ tensor }) => tensor),
          ['_CHECKPOINTABLE_OBJECT_GRAPH'],
        );
      }
    });

    it('know optimizers by the paths of their slots', async () => {
      const names = [
        'a/w',
        'a/w/.OPTIMIZER_SLOT/trainer/opt/momentum',
        'trainer/opt/decay',
        'trainer/epoch',
        'a/w/.OPTIMIZER_SLOT//m',
      ];
      const checkpoint = await open(names.map((name) => ({ name: name + VALUE, shape: [2], bytes: ramp(2) })));
      assert.deepEqual(Object.fromEntries(checkpoint.tensors.map(({ name, group }) => [name, group])), {
        'a/w': '',
        'trainer/opt/a/w/momentum': 'trainer/opt',
        'trainer/opt/decay': 'trainer/opt',
        'trainer/epoch': '',
        'optimizer/a/w/m': 'optimizer',
      });
    });
  });

  it('of TensorFlow 1 have slots of optimizers in a group, where their variables are there too', async () => {
    const names = {
      'dense/kernel': '',
      'dense/kernel/Adam': 'optimizer',
      'dense/kernel/Adam_1': 'optimizer',
      'dense/kernel/ExponentialMovingAverage': 'ExponentialMovingAverage',
      'train/dense/kernel/Momentum': 'optimizer',
      'training/Adam/dense/kernel/m': 'optimizer',
      'block/m': '',
      Adam: '',
      beta1_power: 'optimizer',
      'other/beta2_power': 'optimizer',
    };
    const checkpoint = await open(Object.keys(names).map((name) => ({ name, shape: [2], bytes: ramp(2) })));
    assert.deepEqual(Object.fromEntries(checkpoint.tensors.map(({ name, group }) => [name, group])), names);
    const alone = await open([
      { name: 'dense/kernel', shape: [3], bytes: ramp(3) },
      { name: 'dense/kernel/Adam', shape: [2], bytes: ramp(2) },
      { name: 'beta1_power', shape: [], bytes: ramp(1) },
    ]);
    assert.deepEqual(
      alone.tensors.map(({ group }) => group),
      ['', '', ''],
    );
  });

  describe('with variables in slices', () => {
    const whole = ramp(24);
    /** Rows of a [6, 4] tensor. */
    const rows = (start: number, length: number): BundleTensor => ({
      name: 'emb',
      shape: [length, 4],
      extents: [[start, length], undefined],
      bytes: whole.subarray(start * 16, (start + length) * 16),
    });
    const sliced = (...slices: BundleTensor[]): SlicedTensor => ({
      name: 'emb',
      shape: [6, 4],
      slices: slices.map(({ extents }) => extents!),
    });

    it('join those along the first axis, in any order and from several files', async () => {
      const slices = [rows(4, 2), { ...rows(0, 3), shard: 1 }, rows(3, 1)];
      const checkpoint = await open([sliced(...slices), ...slices], { shards: 2 });
      assert.deepEqual(checkpoint.problems, []);
      assert.deepEqual(namesOf(checkpoint), ['emb']);
      assert.equal(await readHex(checkpoint, 'emb'), hex(whole));
      for (let start = 0; start <= 6; start++) {
        for (let end = start; end <= 6; end++) {
          assert.equal(
            await readHex(checkpoint, 'emb', { start, end }),
            hex(whole.subarray(start * 16, end * 16)),
            `${start} to ${end}`,
          );
        }
      }
    });

    it('join those along another axis', async () => {
      // [2, 3, 2] in columns 0 and 1 to 2 of the middle axis.
      const floats = new Float32Array(ramp(12).buffer);
      const part = (start: number, length: number): BundleTensor => {
        const values: number[] = [];
        for (let i = 0; i < 2; i++)
          for (let j = start; j < start + length; j++)
            for (let k = 0; k < 2; k++) values.push(floats[i * 6 + j * 2 + k]!);
        return {
          name: 'w',
          shape: [2, length, 2],
          extents: [undefined, [start, length], undefined],
          bytes: new Uint8Array(Float32Array.from(values).buffer),
        };
      };
      const slices = [part(1, 2), part(0, 1)];
      const checkpoint = await open([
        { name: 'w', shape: [2, 3, 2], slices: slices.map(({ extents }) => extents!) },
        ...slices,
      ]);
      assert.equal(await readHex(checkpoint, 'w'), hex(ramp(12)));
      assert.equal(await readHex(checkpoint, 'w', { start: 1, end: 2 }), hex(ramp(12).subarray(24)));
    });

    it('join those along two axes', async () => {
      const columns = (start: number): BundleTensor => ({
        name: 'emb',
        shape: [3, 2],
        extents: [
          [3, 3],
          [start, 2],
        ],
        bytes: concat(...[3, 4, 5].map((row) => whole.subarray((row * 4 + start) * 4, (row * 4 + start + 2) * 4))),
      });
      const slices = [rows(0, 3), columns(0), columns(2)];
      const checkpoint = await open([sliced(...slices), ...slices]);
      assert.deepEqual(checkpoint.problems, []);
      assert.equal(await readHex(checkpoint, 'emb'), hex(whole));
      assert.equal(await readHex(checkpoint, 'emb', { start: 2, end: 5 }), hex(whole.subarray(32, 80)));
    });

    it('join one slice that is the whole', async () => {
      const one: BundleTensor = { name: 'emb', shape: [6, 4], extents: [undefined, undefined], bytes: whole };
      const scalar: BundleTensor = { name: 's', shape: [], extents: [], bytes: ramp(1, 5) };
      const checkpoint = await open([sliced(one), one, { name: 's', shape: [], slices: [[]] }, scalar]);
      assert.equal(await readHex(checkpoint, 'emb'), hex(whole));
      assert.equal(await readHex(checkpoint, 's'), hex(ramp(1, 5)));
    });

    for (const [name, slices, says] of [
      ['one is missing from the index', [rows(0, 3)], /2 slices, of which the index lists 1/],
      ['there is a gap', [rows(0, 3), rows(4, 2)], /chunks hold 20 of its 24 elements/],
      ['the end is missing', [rows(0, 3), rows(3, 2)], /chunks hold 20 of its 24 elements/],
      ['two overlap', [rows(0, 4), rows(3, 3)], /overlap/],
      [
        'two cross',
        [rows(0, 3), { ...rows(3, 3), shape: [6, 2], extents: [undefined, [0, 2]], bytes: ramp(12) }],
        /overlap/,
      ],
      ['one is of another type', [rows(0, 3), { ...rows(3, 3), type: TF.INT32 }], /another type/],
      ['one is of another rank', [rows(0, 3), { ...rows(3, 3), extents: [[3, 3]] }], /number of axes/],
      ['one has not the shape of its key', [rows(0, 3), { ...rows(3, 3), shape: [4, 3] }], /holds \[4, 3\]/],
      [
        'one has too few bytes',
        [rows(0, 3), { ...rows(3, 3), bytes: ramp(11) }],
        /44 bytes, but the shape \[3, 4\] needs 48/,
      ],
    ] as [string, BundleTensor[], RegExp][]) {
      it(`list a variable with the reason where ${name}`, async () => {
        const named = slices.length === 1 ? [...slices, rows(3, 3)] : slices;
        const checkpoint = await open([sliced(...named), ...slices, step]);
        const [tensor] = checkpoint.tensors;
        assert.deepEqual(tensor!.shape, [6, 4]);
        assert.match(tensor!.unreadable!, says);
        assert.deepEqual(
          checkpoint.problems.map(({ code, tensor }) => [code, tensor]),
          [['malformed', 'emb']],
        );
        assert.equal(await codeOf(checkpoint.read(tensor!)), 'malformed');
        assert.equal(await readHex(checkpoint, 'global_step'), hex(step.bytes));
      });
    }

    it('tell of slices that are of no tensor', async () => {
      const checkpoint = await open([rows(0, 3), step]);
      assert.match(checkpoint.problems[0]!.message, /lists slices of 1 tensor \(emb\)/);
    });
  });
});
