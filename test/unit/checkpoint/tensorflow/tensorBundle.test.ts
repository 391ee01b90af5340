/** TensorFlow checkpoints (tensor bundles): how they are found and opened, and what they hold. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { tensorBundleFormat } from '../../../../extension/checkpoint/tensorflow/tensorBundle';
import {
  bundle,
  ramp,
  textBytes,
  TF,
  writeBundle,
  type BundleTensor,
} from '../../../harness/checkpoints/tensorBundleWriter';
import { codeOf, namesOf, readHex } from '../../../harness/checkpoints/torchFiles';
import { quickly } from '../../../harness/quick';
import { tensorBundles, VALUE, kernel, bias, step, hex } from '../../../harness/checkpoints/tensorBundles';

describe('TensorFlow checkpoints', () => {
  const { root, write, openPath, open } = tensorBundles();

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
