import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { hdf5Format } from '../../../../extension/checkpoint/hdf5/hdf5';
import { lookup3, fletcher32 } from '../../../../extension/checkpoint/hdf5/hdf5Checksum';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { formatFolder } from '../../../harness/checkpoints/formatFolder';
import { hdf5Fixture, hdf5Fixtures, type ExpectedTensor } from '../../../harness/checkpoints/hdf5Files';
import { codeOf, namesOf, readHex } from '../../../harness/checkpoints/torchFiles';

/** Files of which more or less is listed than h5py lists. */
const LISTED_OTHERWISE = new Set(['storage that is not read', 'links', 'links, newest format', 'traps']);

/** Bands of rows that a tensor is read in, at most. */
const BANDS = 20;

async function assertTensors(checkpoint: Checkpoint, expected: ReadonlyMap<string, ExpectedTensor>): Promise<void> {
  assert.deepEqual(namesOf(checkpoint).toSorted(), [...expected.keys()].toSorted());
  for (const tensor of checkpoint.tensors) {
    const { shape, dtype, hex } = expected.get(tensor.name)!;
    assert.deepEqual([tensor.shape, tensor.dtype], [shape, dtype], tensor.name);
    assert.equal(await readHex(checkpoint, tensor.name), hex, tensor.name);
    const height = tensor.shape[0] ?? 1;
    const step = Math.ceil(height / BANDS);
    const bands: string[] = [];
    for (let start = 0; start < height; start += step) {
      bands.push(await readHex(checkpoint, tensor.name, { start, end: Math.min(height, start + step) }));
    }
    assert.equal(bands.join(''), hex, tensor.name);
  }
}

describe('HDF5 files written by h5py and Keras', () => {
  const { open, write } = formatFolder(hdf5Format, 'made.h5');

  for (const { name, suffix, file, tensors } of hdf5Fixtures) {
    if (suffix === '.keras' || LISTED_OTHERWISE.has(name)) continue;
    it(`${name}: names, shapes, types and values, whole and in rows`, async () => {
      await assertTensors(await open(file), tensors);
    });
  }

  it('are known by what they begin with, whatever the name, behind another program’s bytes too', async () => {
    for (const name of ['layouts', 'layouts, behind other bytes']) {
      const checkpoint = await openModel(write(hdf5Fixture(name).file, 'weights'));
      assert.equal(checkpoint.format, 'hdf5');
      await checkpoint.close();
    }
  });

  it('list storage that is not read, each with its reason', async () => {
    const checkpoint = await open(hdf5Fixture('storage that is not read').file);
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(Object.fromEntries(checkpoint.tensors.map(({ name, unreadable }) => [name, unreadable])), {
      elsewhere: 'its elements are in other files, which are not opened',
      plain: undefined,
      scaled: 'its chunks are stored through scale-offset; deflate, LZF, shuffle and Fletcher-32 are read',
      virtual: 'is virtual: its elements are those of other datasets, which are not opened',
      zstandard: 'its chunks are stored through Zstandard; deflate, LZF, shuffle and Fletcher-32 are read',
    });
    assert.equal(await codeOf(checkpoint.read(checkpoint.tensors[0]!)), 'unsupported');
  });

  it('say of datasets without numbers what they hold', async () => {
    const { problems } = await open(hdf5Fixture('types').file);
    const told = problems.map(({ tensor, message }) => [tensor, /holds (.*), which/.exec(message)?.[1]]);
    assert.deepEqual(Object.fromEntries(told), {
      arrays: 'records of 1 fields',
      lists: 'lists of varying length',
      'long double': 'floats of 80 bits with 15 bits of exponent and 64 of mantissa',
      raw: 'raw elements of 3 bytes',
      records: 'records of 2 fields',
      reference: 'references to other objects',
      text: 'text',
      'texts of one length': 'text',
    });
  });

  for (const format of ['links', 'links, newest format']) {
    it(`${format}: lead to what is in the file, once, and never elsewhere`, async () => {
      const checkpoint = await open(hdf5Fixture(format).file);
      assert.deepEqual(namesOf(checkpoint), ['group/a', 'group/second name', 'soft']);
      assert.deepEqual(
        checkpoint.tensors.map(({ sharedWith }) => sharedWith),
        [undefined, 'group/a', 'group/a'],
      );
      for (const name of ['group/second name', 'soft']) {
        assert.equal(await readHex(checkpoint, name), await readHex(checkpoint, 'group/a'));
      }
      const lost = checkpoint.problems.filter(({ tensor }) => tensor !== undefined);
      assert.deepEqual(
        lost.map(({ tensor, message }) => [tensor, /tensor .*?: (.*);/.exec(message)?.[1]]),
        [['external', 'leads to "/a" of the file "../../outside.h5", which is not opened']],
      );
      // Nothing is missing from a copy without these.
      const told = checkpoint.problems.filter(({ tensor }) => tensor === undefined).map(({ message }) => message);
      assert.deepEqual(told.map((message) => /"[^"]*" is .*/.exec(message)?.[0]?.replace(/;.*/, '')).sort(), [
        '"dangling" is a soft link to "/nowhere", where nothing is listed',
        '"group/root" is another name of the group "/" and is not listed a second time',
        '"second group" is another name of the group "group" and is not listed a second time',
      ]);
    });
  }

  for (const format of ['attributes', 'attributes, newest format']) {
    it(`${format}: texts, numbers and lists are metadata; layers stand in the order that they say`, async () => {
      const checkpoint = await open(hdf5Fixture(format).file);
      assert.deepEqual(checkpoint.problems, []);
      assert.deepEqual(
        namesOf(checkpoint),
        [2, 1, 0].flatMap((layer) => ['kernel:0', 'bias:0'].map((weight) => `layer_${layer}/layer_${layer}/${weight}`)),
      );
      const { metadata } = checkpoint;
      assert.equal(metadata.keras_version, '2.11.0');
      assert.equal(metadata.backend, 'tensorflow');
      assert.equal(metadata.layers, 'b (Dense), a (Functional), c (Conv2D)');
      assert.equal(metadata.numbers, '1.5, -2');
      assert.equal(metadata.flag, 'true');
      assert.equal(metadata.texts, 'ä, , c');
      assert.equal(metadata['more 11'], '11');
      assert.equal(metadata['layer_0/weight_names'], 'layer_0/kernel:0, layer_0/bias:0');
      assert.equal(metadata.complex, undefined);
      if (format !== 'attributes') assert.equal(metadata.large, `${'x'.repeat(65_536)}…`);
    });
  }

  it('keep the weights of a Keras model apart, as Keras lays out kernels', async () => {
    const { tensors, metadata } = await open(hdf5Fixture('Keras, HDF5').file);
    assert.deepEqual(
      tensors.map(({ name }) => name.split('/').slice(-2).join('/')),
      [
        ...['first/kernel', 'first/bias'],
        ...['gamma', 'beta', 'moving_mean', 'moving_variance'].map((name) => `batch_normalization/${name}`),
        ...['a_last/kernel', 'a_last/bias'],
      ],
    );
    assert.ok(tensors.every(({ group, kernelLayout }) => group === 'model_weights' && kernelLayout === '…IO'));
    assert.match(metadata.layers!, /^pixels \(InputLayer\), first \(Conv2D\), /);
  });

  it('call variables of Keras 3 by their layer’s name, too', async () => {
    const { tensors } = await open(hdf5Fixture('Keras 3, weights').file);
    const aliases = tensors.map(({ name, alias }) => [name, alias]);
    assert.deepEqual(aliases.slice(3), [
      ['layers/batch_normalization/vars/3', undefined],
      ['layers/conv2d/vars/0', 'first/0'],
      ['layers/conv2d/vars/1', 'first/1'],
      ['layers/dense/vars/0', 'a_last/0'],
      ['layers/dense/vars/1', 'a_last/1'],
    ]);
  });

  it('that changed while they are open are an error', async () => {
    const { file } = hdf5Fixture('layouts');
    const checkpoint = await open(file, 'changes.h5');
    utimesSync(write(file, 'changes.h5'), 1, 1);
    for (const name of ['contiguous', 'deflated', 'compact']) {
      const tensor = checkpoint.tensors.find((each) => each.name === name)!;
      assert.equal(await codeOf(checkpoint.read(tensor)), 'changed');
    }
  });

  it('stop reading when they are told to', async () => {
    const checkpoint = await open(hdf5Fixture('layouts').file);
    const tensor = checkpoint.tensors.find(({ name }) => name === 'deflated')!;
    const stopped = AbortSignal.abort();
    await assert.rejects(checkpoint.read(tensor, undefined, stopped), { name: 'AbortError' });
  });
});

describe('checksums of HDF5', () => {
  it('lookup3 gives what its author’s test prints', () => {
    const text = Buffer.from('Four score and seven years ago');
    assert.equal(lookup3(Buffer.alloc(0)), 0xdeadbeef);
    assert.equal(lookup3(text), 0x17770551);
    assert.equal(lookup3(text, 1), 0xcd628161);
  });

  it('Fletcher-32 gives the published values of 16-bit words', () => {
    // The usual examples have little-endian words: pairs of letters are exchanged here.
    assert.equal(fletcher32(Buffer.from('badc\0e')), 0xf04fc729);
    assert.equal(fletcher32(Buffer.from('badcfe')), 0x56502d2a);
    assert.equal(fletcher32(Buffer.from('badcfehg')), 0xebe19591);
    assert.equal(fletcher32(new Uint8Array(500_000).fill(255)), 0xffffffff);
    assert.equal(fletcher32(new Uint8Array(9)), 0);
  });
});
