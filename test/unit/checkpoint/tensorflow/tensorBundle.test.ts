import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { tensorBundleFormat } from '../../../../extension/checkpoint/tensorflow/tensorBundle';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import {
  bundle,
  concat,
  objectGraph,
  ramp,
  textBytes,
  TF,
  writeBundle,
  type Bundle,
  type BundleTensor,
  type SlicedTensor,
} from '../../../harness/checkpoints/tensorBundleWriter';
import { codeOf, namesOf, readHex } from '../../../harness/checkpoints/torchFiles';
import { quickly } from '../../../harness/quick';

const VALUE = '/.ATTRIBUTES/VARIABLE_VALUE';

const kernel: BundleTensor = { name: 'conv/kernel', shape: [3, 3, 2, 4], bytes: ramp(72) };
const bias: BundleTensor = { name: 'conv/bias', shape: [4], bytes: ramp(4, 100), shard: 1 };
const step: BundleTensor = {
  name: 'global_step',
  shape: [],
  type: TF.INT64,
  bytes: new Uint8Array(BigInt64Array.of(-7n).buffer),
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('TensorFlow checkpoints', () => {
  const root = temporaryFolder();
  let count = 0;
  const opened: Checkpoint[] = [];
  after(() => Promise.all(opened.map((checkpoint) => checkpoint.close())));

  const write = (files: Bundle, name = 'model.ckpt-100'): string =>
    writeBundle(path.join(root, String(count++)), name, files);
  const openPath = async (file: string): Promise<Checkpoint> => {
    const checkpoint = await openModel(file);
    opened.push(checkpoint);
    return checkpoint;
  };
  const open = (
    tensors: readonly (BundleTensor | SlicedTensor)[],
    options?: Parameters<typeof bundle>[1],
  ): Promise<Checkpoint> => openPath(write(bundle(tensors, options)));

  for (const [name, compression] of [
    ['plain', 0],
    ['compressed with Snappy', 1],
  ] as const) {
    it(`are read by names, shapes and values, their index ${name}`, async () => {
      const checkpoint = await open([kernel, bias, step], { shards: 2, compression });
      assert.equal(checkpoint.format, 'tensorflow checkpoint');
      assert.deepEqual(checkpoint.problems, []);
      assert.deepEqual(
        checkpoint.tensors.map(({ name, group, shape, dtype, byteLength, kernelLayout }) => [
          name,
          group,
          shape,
          dtype,
          byteLength,
          kernelLayout,
        ]),
        [
          ['conv/bias', '', [4], 'F32', 16, '…IO'],
          ['conv/kernel', '', [3, 3, 2, 4], 'F32', 288, '…IO'],
          ['global_step', '', [], 'I64', 8, '…IO'],
        ],
      );
      for (const { name, bytes } of [kernel, bias, step]) assert.equal(await readHex(checkpoint, name), hex(bytes));
      assert.equal(await readHex(checkpoint, 'conv/kernel', { start: 1, end: 2 }), hex(kernel.bytes.subarray(96, 192)));
      assert.deepEqual(
        checkpoint.files.map((file) => path.basename(file)),
        ['model.ckpt-100.index', 'model.ckpt-100.data-00000-of-00002', 'model.ckpt-100.data-00001-of-00002'],
      );
      assert.equal(checkpoint.metadata['data files'], '2');
      assert.equal(checkpoint.weightFiles, 2);
    });
  }

  it('open by any of their files, by their folder and by the file that names the latest', async () => {
    const folder = path.dirname(write(bundle([kernel, bias], { shards: 2 })));
    writeBundle(folder, 'model.ckpt-200', bundle([step]));
    const expected = path.join(folder, 'model.ckpt-100.index');
    for (const shard of ['data-00000-of-00002', 'data-00001-of-00002', 'index']) {
      assert.equal((await openPath(path.join(folder, `model.ckpt-100.${shard}`))).path, expected, shard);
    }
    for (const written of [
      'model.ckpt-100',
      '/home/somebody/train/model.ckpt-100',
      'C:\\\\train\\\\model.ckpt-100',
      './model.ckpt-100',
    ]) {
      const text = `model_checkpoint_path: "${written}"\nall_model_checkpoint_paths: "model.ckpt-200"\n`;
      writeFileSync(path.join(folder, 'checkpoint'), text);
      assert.equal((await openPath(path.join(folder, 'checkpoint'))).path, expected, written);
      assert.equal((await openPath(folder)).path, expected, written);
    }
    rmSync(path.join(folder, 'checkpoint'));
    await assert.rejects(openModel(folder), {
      code: 'ambiguous',
      message: /model\.ckpt-100\.index, model\.ckpt-200\.index/,
    });
  });

  it('open by the name that TensorFlow calls them, which no file has', async () => {
    const file = write(bundle([step]));
    assert.equal((await openPath(file.slice(0, -'.index'.length))).path, file);
    await assert.rejects(openModel(path.join(root, 'nothing')), {
      code: 'not-found',
      message: /nothing: does not exist/,
    });
  });

  it('are known by the beginning of their index under any name', () => {
    for (const compression of [0, 1]) {
      const { index } = bundle([step], { compression });
      assert.ok(tensorBundleFormat.matches('/a/b', index.subarray(0, 4096)), String(compression));
    }
    for (const start of [
      '',
      '\0\0',
      '\0\0\x08\x03\0\0',
      '\x08\x07\x12\x07pytorch',
      'PK\x03\x04',
      '\x80\x02}q\0',
      '\x1c\0\0\0TFL3',
      '{"a":1}',
    ]) {
      assert.ok(
        !tensorBundleFormat.matches('/a/b', Buffer.from(start.padEnd(64, '\0'), 'latin1')),
        JSON.stringify(start),
      );
    }
  });

  it('from before TensorFlow 1.0, with the weights in the table, are told with what to do', async () => {
    // The first bytes that `tf.compat.v1.train.Saver(write_version=1)` of TensorFlow 2.21 writes for two variables.
    const first =
      '0000530a510a150a016112081202080612020804180122040a000a000a34' +
      '0a047061727412081202080a12020804180122080a0210040a021004220a';
    const file = path.join(root, 'inception_v3.ckpt');
    writeFileSync(file, Buffer.from(first, 'hex'));
    const message = /before its version 1\.0; restore it with tf\.compat\.v1\.train\.Saver/;
    await assert.rejects(openModel(file), { code: 'unsupported', message });
  });

  it('have every element type of numbers, and quantised ones as their codes', async () => {
    const types: [number, string, number, string?][] = [
      [TF.DOUBLE, 'F64', 8],
      [TF.HALF, 'F16', 2],
      [TF.BFLOAT16, 'BF16', 2],
      [TF.INT32, 'I32', 4],
      [TF.INT16, 'I16', 2],
      [TF.INT8, 'I8', 1],
      [TF.UINT8, 'U8', 1],
      [TF.UINT16, 'U16', 2],
      [TF.UINT64, 'U64', 8],
      [TF.BOOL, 'BOOL', 1],
      [TF.COMPLEX64, 'C64', 8],
      [25, 'F8_E4M3', 1],
      [TF.QINT8, 'I8', 1, 'qint8'],
      [TF.QUINT8, 'U8', 1, 'quint8'],
      [TF.QINT32, 'I32', 4, 'qint32'],
    ];
    const tensors = types.map(([type, , size], i): BundleTensor => {
      return { name: String.fromCharCode(97 + i), type, shape: [2], bytes: new Uint8Array(2 * size).fill(1) };
    });
    const checkpoint = await open(tensors);
    assert.deepEqual(
      checkpoint.tensors.map(({ dtype, encoding }) => [dtype, encoding?.name]),
      types.map(([, dtype, , encoding]) => [dtype, encoding]),
    );
    assert.deepEqual(checkpoint.problems, []);
  });

  it('are swapped as they are read where a big-endian machine wrote them', async () => {
    const checkpoint = await open([{ ...kernel, bytes: Buffer.from(kernel.bytes).swap32() }], { bigEndian: true });
    assert.equal(await readHex(checkpoint, 'conv/kernel'), hex(kernel.bytes));
    assert.equal(checkpoint.metadata['byte order'], 'big-endian');
  });

  it('tell of texts and of types without numbers', async () => {
    const text = textBytes(Buffer.from('{}'));
    const checkpoint = await open([
      step,
      { name: 'config', type: TF.STRING, shape: [], bytes: text },
      { name: 'nibbles', type: TF.INT4, shape: [2], bytes: new Uint8Array(2) },
      { name: 'table', type: TF.RESOURCE, shape: [], bytes: new Uint8Array(2) },
      { name: 'later', type: 77, shape: [], bytes: new Uint8Array(2) },
    ]);
    assert.deepEqual(namesOf(checkpoint), ['global_step']);
    assert.equal(checkpoint.metadata['tensors of text'], 'config');
    assert.deepEqual(
      checkpoint.problems.map(({ code, tensor, message }) => [code, tensor, /type (\w+ ?\w*)/.exec(message)?.[1]]),
      [
        ['unsupported', 'later', 'type 77'],
        ['unsupported', 'nibbles', 'int4'],
        ['unsupported', 'table', 'resource'],
      ],
    );
  });

  it('are checked by their checksums when all of a tensor is read in order', async () => {
    const checkpoint = await open([kernel, { ...bias, shard: 0, crc: 7 }]);
    const damaged = checkpoint.tensors.find(({ name }) => name === 'conv/bias')!;
    assert.equal(await codeOf(checkpoint.read(damaged)), 'corrupt');
    await assert.rejects(checkpoint.read(damaged), {
      message: /data-00000-of-00001, tensor conv\/bias, byte 288: the checksum/,
    });
    // Half of it cannot be checked.
    assert.equal(await codeOf(checkpoint.read(damaged, { start: 0, end: 2 })), 'read');
    assert.equal(await codeOf(checkpoint.read(damaged, { start: 2, end: 4 })), 'corrupt');
    assert.equal(await codeOf(checkpoint.read(checkpoint.tensors[1]!)), 'read');
  });

  it('say so where a data file changed while it was open', async () => {
    const file = write(bundle([step]));
    const checkpoint = await openPath(file);
    utimesSync(file.replace('.index', '.data-00000-of-00001'), 1, 1);
    assert.equal(await codeOf(checkpoint.read(checkpoint.tensors[0]!)), 'changed');
  });

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

  it('list the tensors of a missing data file, with one problem for all of them', async () => {
    const file = write(bundle([kernel, bias, { ...bias, name: 'other' }], { shards: 2 }));
    const lost = file.replace('.index', '.data-00001-of-00002');
    rmSync(lost);
    const checkpoint = await openPath(file);
    assert.deepEqual(
      checkpoint.tensors.map(({ name, unreadable }) => [name, unreadable]),
      [
        ['conv/bias', 'its data file model.ckpt-100.data-00001-of-00002: the data file is missing'],
        ['conv/kernel', undefined],
        ['other', 'its data file model.ckpt-100.data-00001-of-00002: the data file is missing'],
      ],
    );
    assert.deepEqual(
      checkpoint.problems.map(({ code, file }) => [code, file]),
      [['missing-shard', lost]],
    );
    assert.match(checkpoint.problems[0]!.message, /so 2 tensors \(conv\/bias, other\) cannot be read; put it beside/);
    assert.equal(await codeOf(checkpoint.read(checkpoint.tensors[0]!)), 'missing-shard');
    assert.equal(await readHex(checkpoint, 'conv/kernel'), hex(kernel.bytes));
  });

  it('say which index is missing beside a data file', async () => {
    const file = write(bundle([step]));
    const data = file.replace('.index', '.data-00000-of-00001');
    const alone = path.join(root, path.basename(data));
    copyFileSync(data, alone);
    await assert.rejects(openModel(alone), {
      code: 'missing-shard',
      message: /the index model\.ckpt-100\.index that belongs to it is missing/,
    });
  });

  it('are not looked for outside of their folder', async () => {
    const folder = path.join(root, 'latest');
    const outside = path.relative(folder, write(bundle([step]))).slice(0, -'.index'.length);
    writeBundle(folder, 'unused', bundle([step]));
    const latest = path.join(folder, 'checkpoint');
    for (const name of [outside, '../../etc/passwd', 'a\\\\..\\\\b', '']) {
      writeFileSync(latest, `model_checkpoint_path: "${name}"\n`);
      await assert.rejects(openModel(latest), (error: Error & { code?: string }) => {
        assert.ok(['malformed', 'missing-shard'].includes(error.code!), error.message);
        return true;
      });
    }
    writeFileSync(latest, 'model_checkpoint_path: unquoted\n');
    await assert.rejects(openModel(latest), { code: 'malformed', message: /names no checkpoint/ });
  });

  it('have their data in their folder, and not where a link leads', async () => {
    const file = write(bundle([kernel, bias], { shards: 2 }));
    const linked = file.replace('.index', '.data-00001-of-00002');
    const outside = path.join(root, 'outside.bin');
    renameSync(linked, outside);
    symlinkSync(outside, linked);
    const checkpoint = await openPath(file);
    assert.deepEqual(
      checkpoint.tensors.map(({ name, unreadable }) => [name, unreadable]),
      [
        ['conv/bias', `its data file ${path.basename(linked)}: is a link out of its folder and is not opened`],
        ['conv/kernel', undefined],
      ],
    );
    assert.match(checkpoint.problems[0]!.message, /put the data file itself beside its index/);
    assert.equal(await codeOf(checkpoint.read(checkpoint.tensors[0]!)), 'unsupported');
    assert.ok(!checkpoint.files.includes(linked));
  });

  it('are links to blobs in the download cache', async () => {
    const [blobs, snapshot] = ['blobs', 'snapshots/1'].map((name) => path.join(root, 'cache', name)) as [
      string,
      string,
    ];
    const file = writeBundle(blobs, 'model.ckpt', bundle([step]));
    mkdirSync(snapshot, { recursive: true });
    for (const suffix of ['.index', '.data-00000-of-00001']) {
      renameSync(file.replace('.index', suffix), path.join(blobs, `blob${suffix.length}`));
      symlinkSync(`../../blobs/blob${suffix.length}`, path.join(snapshot, `model.ckpt${suffix}`));
    }
    const checkpoint = await openPath(path.join(snapshot, 'model.ckpt.index'));
    assert.equal(await readHex(checkpoint, 'global_step'), hex(step.bytes));
  });

  it('of 100 000 tensors open within seconds', async () => {
    const made = bundle([{ name: 'w', shape: [], bytes: ramp(1) }]);
    const many = bundle(
      Array.from({ length: 100_000 }, (_, i) => ({
        name: `model/layer_${i}/kernel${VALUE}`,
        shape: [],
        bytes: made.data[0]!,
      })),
    );
    const file = write(many);
    const checkpoint = await quickly(4000, () => openPath(file));
    assert.equal(checkpoint.tensors.length, 100_000);
  });
});
