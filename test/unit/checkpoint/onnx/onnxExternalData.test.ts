import assert from 'node:assert/strict';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { onnxFormat } from '../../../../extension/checkpoint/onnx/onnx';
import {
  external,
  float32,
  floatTensor,
  graph,
  type Message,
  model,
  tensor,
  TYPE,
} from '../../../harness/checkpoints/onnxWriter';

describe('onnx: external data', () => {
  let folder: string;
  const opened: Checkpoint[] = [];

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-onnx-external-'));
  });
  afterEach(async () => {
    for (const checkpoint of opened.splice(0)) await checkpoint.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(initializers: readonly Message[], file = path.join(folder, 'model.onnx')): Promise<Checkpoint> {
    writeFileSync(file, model(graph({ initializers })));
    const checkpoint = await onnxFormat.open(file);
    opened.push(checkpoint);
    return checkpoint;
  }

  const stored = (name: string, entries: Readonly<Record<string, string>>, shape = [2, 2]) =>
    tensor(name, shape, TYPE.FLOAT, external(entries));

  async function floats(checkpoint: Checkpoint, name: string, rows?: { start: number; end: number }) {
    const info = checkpoint.tensors.find((candidate) => candidate.name === name);
    assert.ok(info, `${name} is not listed`);
    return [...new Float32Array((await checkpoint.read(info, rows)).slice().buffer)];
  }

  it('is read from where it lies, whole and by rows, in folders below the model too', async () => {
    mkdirSync(path.join(folder, 'weights'));
    writeFileSync(path.join(folder, 'model.onnx_data'), float32(9, 9, 1, 2, 3, 4));
    writeFileSync(path.join(folder, 'weights', 'a.bin'), float32(5, 6, 7, 8));
    const checkpoint = await open([
      stored('offset', { location: 'model.onnx_data', offset: '8', length: '16', checksum: 'ignored' }),
      stored('whole', { location: 'weights/a.bin' }),
      floatTensor('inline', [1], 3),
    ]);
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(await floats(checkpoint, 'offset'), [1, 2, 3, 4]);
    assert.deepEqual(await floats(checkpoint, 'offset', { start: 1, end: 2 }), [3, 4]);
    assert.deepEqual(await floats(checkpoint, 'whole'), [5, 6, 7, 8]);
    assert.deepEqual(await floats(checkpoint, 'inline'), [3]);
    assert.deepEqual(checkpoint.files, [
      path.join(folder, 'model.onnx'),
      path.join(folder, 'model.onnx_data'),
      path.join(folder, 'weights', 'a.bin'),
    ]);
  });

  it('of more than 4 GB, in several files, is opened from the header and read by rows', async () => {
    const [rows, cols] = [1_250_000, 1000];
    const bytes = rows * cols * 4;
    // Sparse files: the weights take no room on the disk.
    const lay = (file: string, length: number, last: Uint8Array): void => {
      const descriptor = openSync(path.join(folder, file), 'w');
      writeSync(descriptor, last, 0, last.length, length - last.length);
      closeSync(descriptor);
    };
    const first = 2 ** 31 + 4096;
    lay('model.onnx_data', first + bytes, float32(1, 2, 3));
    lay('model.onnx_data_1', bytes, float32(4, 5, 6));
    const memory = process.memoryUsage().arrayBuffers;
    const checkpoint = await open([
      stored('first', { location: 'model.onnx_data', offset: String(first), length: String(bytes) }, [rows, cols]),
      stored('second', { location: 'model.onnx_data_1' }, [rows, cols]),
      stored('beyond', { location: 'model.onnx_data_1', offset: '4096' }, [rows, cols]),
    ]);
    assert.ok(process.memoryUsage().arrayBuffers - memory < 2 ** 20);
    assert.deepEqual(
      checkpoint.tensors.map(({ name, byteLength }) => [name, byteLength]),
      [
        ['first', bytes],
        ['second', bytes],
      ],
    );
    assert.deepEqual(
      checkpoint.problems.map(({ code, tensor: about }) => [code, about]),
      [['truncated', 'beyond']],
    );
    const end = { start: rows - 1, end: rows };
    assert.deepEqual((await floats(checkpoint, 'first', end)).slice(-4), [0, 1, 2, 3]);
    assert.deepEqual((await floats(checkpoint, 'second', end)).slice(-4), [0, 4, 5, 6]);
  });

  it('says which tensors share the same bytes', async () => {
    writeFileSync(path.join(folder, 'data'), float32(1, 2, 3, 4, 5, 6));
    const checkpoint = await open([
      stored('embedding', { location: 'data' }),
      stored('head', { location: 'data', offset: '0', length: '16' }),
      stored('other view', { location: 'data' }, [4]),
      stored('elsewhere', { location: 'data', offset: '8' }),
    ]);
    assert.deepEqual(
      checkpoint.tensors.map(({ name, sharedWith }) => [name, sharedWith]),
      [
        ['embedding', undefined],
        ['head', 'embedding'],
        ['other view', undefined],
        ['elsewhere', undefined],
      ],
    );
  });

  it('that is missing costs only the tensors in it', async () => {
    const checkpoint = await open([stored('lost', { location: 'gone.bin' }), floatTensor('inline', [1])]);
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      ['inline'],
    );
    const [problem, ...others] = checkpoint.problems;
    assert.deepEqual(others, []);
    assert.deepEqual([problem!.code, problem!.tensor], ['missing-shard', 'lost']);
    assert.equal(problem!.file, path.join(folder, 'gone.bin'));
  });

  for (const location of [
    '../secret.bin',
    '/etc/hostname',
    'a/../../secret.bin',
    'C:\\secret.bin',
    '..\\secret.bin',
    '',
    'a\0b',
    '.',
  ]) {
    it(`is not read from ${JSON.stringify(location)}`, async () => {
      const inner = path.join(folder, 'inner');
      mkdirSync(inner);
      writeFileSync(path.join(folder, 'secret.bin'), float32(1, 2, 3, 4));
      const checkpoint = await open([stored('w', { location })], path.join(inner, 'model.onnx'));
      assert.deepEqual(checkpoint.tensors, []);
      assert.deepEqual(
        checkpoint.problems.map(({ code, tensor: about }) => [code, about]),
        [['malformed', 'w']],
      );
      assert.match(checkpoint.problems[0]!.message, /not inside the model's folder/);
      assert.deepEqual(checkpoint.files, [checkpoint.path]);
    });
  }

  it('is not read through a link that leaves the folder', async () => {
    const inner = path.join(folder, 'inner');
    mkdirSync(inner);
    writeFileSync(path.join(folder, 'secret.bin'), float32(1, 2, 3, 4));
    symlinkSync(path.join(folder, 'secret.bin'), path.join(inner, 'link.bin'));
    symlinkSync(folder, path.join(inner, 'up'));
    const checkpoint = await open(
      [stored('file link', { location: 'link.bin' }), stored('folder link', { location: 'up/secret.bin' })],
      path.join(inner, 'model.onnx'),
    );
    assert.deepEqual(checkpoint.tensors, []);
    assert.deepEqual(
      checkpoint.problems.map(({ code }) => code),
      ['malformed', 'malformed'],
    );
    assert.match(checkpoint.problems[0]!.message, /link out of the model's folder/);
  });

  it('is read through the links of a download cache, which keeps model and data in one other folder', async () => {
    const blobs = path.join(folder, 'blobs');
    const snapshot = path.join(folder, 'snapshots', 'main');
    mkdirSync(blobs);
    mkdirSync(snapshot, { recursive: true });
    writeFileSync(
      path.join(blobs, '111'),
      model(graph({ initializers: [stored('w', { location: 'model.onnx_data' })] })),
    );
    writeFileSync(path.join(blobs, '222'), float32(1, 2, 3, 4));
    symlinkSync('../../blobs/111', path.join(snapshot, 'model.onnx'));
    symlinkSync('../../blobs/222', path.join(snapshot, 'model.onnx_data'));
    const checkpoint = await onnxFormat.open(path.join(snapshot, 'model.onnx'));
    opened.push(checkpoint);
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(await floats(checkpoint, 'w'), [1, 2, 3, 4]);
  });

  const badEntries: readonly [what: string, entries: Readonly<Record<string, string>>, code: string, says: RegExp][] = [
    ['beyond the file', { location: 'data', offset: '8' }, 'truncated', /ends at byte 16.*up to byte 24/],
    ['of another length', { location: 'data', length: '12' }, 'malformed', /12 bytes.*needs 16/],
    ['with a negative offset', { location: 'data', offset: '-4' }, 'malformed', /"-4"/],
    ['with a huge offset', { location: 'data', offset: '9007199254740993' }, 'malformed', /9007199254740993/],
    ['without a location', { offset: '0' }, 'malformed', /without a location/],
    ['in a folder', { location: 'sub' }, 'unsupported', /not a regular file/],
  ];
  for (const [what, entries, code, says] of badEntries) {
    it(`${what} is a problem of its tensor`, async () => {
      writeFileSync(path.join(folder, 'data'), float32(1, 2, 3, 4));
      mkdirSync(path.join(folder, 'sub'));
      const checkpoint = await open([stored('bad', entries), floatTensor('good', [1])]);
      assert.deepEqual(
        checkpoint.tensors.map(({ name }) => name),
        ['good'],
      );
      assert.deepEqual(
        checkpoint.problems.map((problem) => [problem.code, problem.tensor]),
        [[code, 'bad']],
      );
      assert.match(checkpoint.problems[0]!.message, says);
    });
  }

  it('that is replaced or removed while the model is open is an error', async () => {
    const data = path.join(folder, 'data');
    writeFileSync(data, float32(1, 2, 3, 4));
    const checkpoint = await open([stored('w', { location: 'data' })]);
    writeFileSync(data, float32(5, 6, 7, 8, 9));
    await assert.rejects(floats(checkpoint, 'w'), { name: 'CheckpointError', code: 'changed' });
    unlinkSync(data);
    await assert.rejects(floats(checkpoint, 'w'), { name: 'CheckpointError', code: 'changed' });
  });

  it('in hundreds of files, one per tensor, opens and reads without holding them open', async () => {
    const count = 300;
    for (let index = 0; index < count; index++) {
      writeFileSync(path.join(folder, `onnx__MatMul_${index}`), float32(index, 0, 0, 1));
    }
    const checkpoint = await open(
      Array.from({ length: count }, (_, index) => stored(`w${index}`, { location: `onnx__MatMul_${index}` })),
    );
    assert.equal(checkpoint.tensors.length, count);
    assert.equal(checkpoint.files.length, count + 1);
    const all = await Promise.all(checkpoint.tensors.map(({ name }) => floats(checkpoint, name)));
    assert.deepEqual(
      all.map(([first]) => first),
      Array.from({ length: count }, (_, index) => index),
    );
  });
});
