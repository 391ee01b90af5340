import assert from 'node:assert/strict';
import { kerasFormat } from '../../../../extension/checkpoint/keras/keras';
import { inConfigOrder } from '../../../../extension/checkpoint/keras/kerasModel';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { formatFolder } from '../../../harness/checkpoints/formatFolder';
import { hdf5Fixture } from '../../../harness/checkpoints/hdf5Files';
import { codeOf, namesOf, readHex } from '../../../harness/checkpoints/torchFiles';
import { zip, type ZipRecord } from '../../../harness/checkpoints/zipWriter';

const made = hdf5Fixture('Keras 3');
const weights = hdf5Fixture('Keras 3, weights').file;
const record = (name: string, bytes: Buffer | string, more: Partial<ZipRecord> = {}): ZipRecord => ({
  ...{ name, bytes: Buffer.from(bytes as string), ...more },
});

describe('Keras 3 archives', () => {
  const { open, refusal, write } = formatFolder(kerasFormat, 'made.keras');

  it('give what h5py reads of the weights in them, in the order of the layers', async () => {
    const checkpoint = await open(made.file);
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(namesOf(checkpoint).toSorted(), [...made.tensors.keys()].toSorted());
    for (const tensor of checkpoint.tensors) {
      const { shape, dtype, hex } = made.tensors.get(tensor.name)!;
      assert.deepEqual([tensor.shape, tensor.dtype, tensor.kernelLayout], [shape, dtype, '…IO']);
      assert.equal(await readHex(checkpoint, tensor.name), hex);
    }
    const layers = checkpoint.tensors.map(({ name }) => name.split('/')[1]);
    assert.deepEqual([...new Set(layers)], ['conv2d', 'batch_normalization', 'dense']);
    assert.equal(checkpoint.tensors[0]!.alias, 'first/0');
  });

  it('list what is within a layer in the place of the layer', () => {
    const layers = ['embedding', 'attention', 'lstm', 'dense'].map((name) => ({ class_name: 'X', config: { name } }));
    const named = {
      ...{ 'layers/dense/vars': 'dense', 'layers/embedding/vars': 'embedding', 'layers/lstm/vars': 'lstm' },
      ...{ 'layers/lstm/cell/vars': 'lstm_cell', 'layers/multi_head_attention/vars': 'attention' },
      ...{ 'layers/multi_head_attention/query_dense/vars': 'query', 'optimizer/vars': 'adam' },
    };
    const attributes = new Map(Object.entries(named).map(([group, name]) => [group, new Map([['name', name]])]));
    const names = Object.keys(named).map((group) => `${group}/0`);
    const tensors = [...names, 'vars'].map((name) => ({ info: { name } }));
    const ordered = inConfigOrder(tensors, JSON.stringify({ config: { layers } }), attributes);
    assert.deepEqual(
      ordered.map(({ info }) => info.name),
      [
        ...['layers/embedding/vars/0', 'layers/multi_head_attention/vars/0'],
        ...['layers/multi_head_attention/query_dense/vars/0', 'layers/lstm/vars/0', 'layers/lstm/cell/vars/0'],
        ...['layers/dense/vars/0', 'optimizer/vars/0', 'vars'],
      ],
    );
  });

  it('tell the configuration, its layers and the version', async () => {
    const { metadata } = await open(made.file);
    assert.match(metadata.layers!, /^pixels \(InputLayer\), first \(Conv2D\), .*a_last \(Dense\)$/);
    assert.match(metadata.model_config!, /"class_name": "Functional"/);
    assert.match(metadata['metadata.json']!, /"keras_version": "3\./);
  });

  it('are known by what they hold, whatever the name', async () => {
    const checkpoint = await openModel(write(made.file, 'archive.zip'));
    assert.equal(checkpoint.format, 'keras');
    await checkpoint.close();
  });

  it('are read as well where another program deflated them', async () => {
    const checkpoint = await open(zip([record('model.weights.h5', weights, { deflate: true })]));
    const tensor = 'layers/dense/vars/0';
    assert.equal(await readHex(checkpoint, tensor), made.tensors.get(tensor)!.hex);
    const damaged = zip([record('model.weights.h5', weights, { deflate: true, crc: 1 })]);
    assert.equal((await refusal(damaged)).code, 'corrupt');
  });

  it('with a flipped bit open, and give no numbers: which tensor it is in is not known', async () => {
    const checkpoint = await open(zip([record('model.weights.h5', weights, { crc: 1 })]));
    assert.equal(checkpoint.tensors.length, 8);
    for (const tensor of checkpoint.tensors) {
      assert.equal(await codeOf(checkpoint.read(tensor, { start: 0, end: 1 })), 'corrupt', tensor.name);
    }
  });

  it('without weights, or with too many deflated ones, are refused', async () => {
    assert.equal((await refusal(zip([record('config.json', '{}')]))).code, 'unknown-format');
    const noise = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * index * 31) >> 5));
    const large = record('model.weights.h5', noise, { deflate: true, size: 65 * 2 ** 20 });
    assert.equal((await refusal(zip([large]))).code, 'limit');
  });

  it('show the weights where the configuration is damaged', async () => {
    const stored = record('model.weights.h5', weights);
    for (const config of ['', 'null', '[', '{"config":{"layers":[null,{"config":7},{"class_name":{}}]}}']) {
      const checkpoint = await open(zip([stored, record('config.json', config)]));
      assert.equal(checkpoint.tensors.length, 8, config);
      assert.deepEqual(checkpoint.problems, []);
    }
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    assert.equal((await open(zip([stored, record('config.json', deep)]))).tensors.length, 8);
    const { tensors, problems } = await open(zip([stored, record('config.json', '{}', { crc: 5 })]));
    assert.deepEqual([tensors.length, problems[0]?.code], [8, 'corrupt']);
  });

  it('cut at any place are refused', async () => {
    for (let length = 4; length < made.file.length; length += 97) {
      assert.equal(await codeOf(open(made.file.subarray(0, length))), 'truncated');
    }
  });
});
