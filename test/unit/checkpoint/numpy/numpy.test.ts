import assert from 'node:assert/strict';
import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { numpyFormat } from '../../../../extension/checkpoint/numpy/numpy';
import { openModel } from '../../../../extension/checkpoint/openModel';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import type { DType } from '../../../../extension/shared/tensors';
import { formatFolder } from '../../../harness/checkpoints/formatFolder';
import { sharedFolder } from '../../../harness/shared';
import { codeOf, namesOf, readHex } from '../../../harness/checkpoints/torchFiles';
import { zip, type ZipRecord } from '../../../harness/checkpoints/zipWriter';
import fixtureFile from './numpyFixtures.json';

const DTYPES: Readonly<Record<string, DType>> = {
  ...{ float64: 'F64', float32: 'F32', float16: 'F16', bfloat16: 'BF16', float8_e5m2: 'F8_E5M2' },
  ...{ int64: 'I64', int32: 'I32', int16: 'I16', int8: 'I8' },
  ...{ uint64: 'U64', uint32: 'U32', uint16: 'U16', uint8: 'U8' },
  ...{ bool: 'BOOL', complex64: 'C64', complex128: 'C128' },
};

interface Fixture {
  suffix: string;
  file: string;
  tensors: Record<string, { shape: number[]; dtype: string; bytes: string }>;
}

const fixtures = fixtureFile.fixtures as unknown as Record<string, Fixture>;
const refused: Record<string, string> = fixtureFile.refused;

/** An array as NumPy writes it, but for what is said otherwise. */
function array(
  header: string,
  data: Buffer,
  { version = 1, length = Buffer.byteLength(header) }: { version?: number; length?: number } = {},
): Buffer {
  const size = Buffer.alloc(version === 1 ? 2 : 4);
  size.writeUIntLE(length, 0, size.length);
  return Buffer.concat([
    Buffer.from(`\x93NUMPY${String.fromCharCode(version, 0)}`, 'latin1'),
    size,
    Buffer.from(header),
    data,
  ]);
}

const FLOATS = Buffer.from(Float32Array.from({ length: 6 }, (_, i) => i).buffer);
const HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
const good = array(HEADER, FLOATS);

describe('NumPy arrays written by NumPy', () => {
  const { open, refusal } = formatFolder(numpyFormat, 'made.npz');

  for (const [name, { file, suffix, tensors }] of Object.entries(fixtures)) {
    const opened = (): Promise<Checkpoint> => open(Buffer.from(file, 'base64'), `made${suffix}`);

    it(`${name}: names, shapes, types and values`, async () => {
      const checkpoint = await opened();
      assert.deepEqual(checkpoint.problems, []);
      assert.deepEqual(namesOf(checkpoint).toSorted(), Object.keys(tensors).toSorted());
      for (const tensor of checkpoint.tensors) {
        const expected = tensors[tensor.name]!;
        assert.deepEqual(tensor.shape, expected.shape, tensor.name);
        assert.equal(tensor.dtype, DTYPES[expected.dtype], tensor.name);
        assert.equal(Buffer.from(await checkpoint.read(tensor)).toString('hex'), expected.bytes, tensor.name);
      }
    });

    it(`${name}: rows read one by one, and backwards, are the same bytes`, async () => {
      const checkpoint = await opened();
      for (const tensor of checkpoint.tensors) {
        const rows = Array.from({ length: tensor.shape[0] ?? 1 }, (_, row) => row);
        const forwards: string[] = [];
        for (const row of rows) forwards.push(await readHex(checkpoint, tensor.name, { start: row, end: row + 1 }));
        assert.equal(forwards.join(''), tensors[tensor.name]!.bytes, tensor.name);
        for (const row of rows.reverse()) {
          assert.equal(await readHex(checkpoint, tensor.name, { start: row, end: row + 1 }), forwards[row]);
        }
      }
    });
  }

  it('names what ml_dtypes stores under the name of raw bytes', async () => {
    const { tensors } = await open(Buffer.from(fixtures['element types']!.file, 'base64'));
    const encodings = tensors.flatMap(({ encoding }) => encoding ?? []);
    assert.deepEqual(encodings, [
      { name: '<V2 (bfloat16)', byteLength: 12 },
      { name: '<f1 (float8_e5m2)', byteLength: 6 },
    ]);
  });

  it('takes arrays that are called `kernel` to have inputs before outputs', async () => {
    const { tensors } = await open(Buffer.from(fixtures['positions and paths']!.file, 'base64'));
    assert.deepEqual(Object.fromEntries(tensors.map(({ name, kernelLayout }) => [name, kernelLayout])), {
      arr_0: 'OI…',
      'nested/kernel': '…IO',
    });
  });

  for (const [name, says] of [
    ['structured', /structured \(fields weight, step\)/],
    ['objects', /Python objects .* pickle and not unpickled/],
    ['unicode', /holds text/],
    ['bytes', /holds text/],
    ['times', /holds times/],
    ['raw', /raw bytes \("\|V3"\)/],
    ['long double', /type "<f16"/],
    ['float8_e4m3fn', /several 8-bit types/],
  ] as const) {
    it(`refuses ${name} with the reason`, async () => {
      const bytes = Buffer.from(refused[name]!, 'base64');
      const error = await refusal(bytes, 'made.npy');
      assert.equal(error.code, 'unsupported');
      assert.match(error.message, says);
      const { problems, ...checkpoint } = await open(
        zip([
          { name: 'good.npy', bytes: good },
          { name: 'bad.npy', bytes },
        ]),
      );
      assert.deepEqual(namesOf(checkpoint as Checkpoint), ['good']);
      assert.deepEqual(
        problems.map(({ code, tensor }) => [code, tensor]),
        [['unsupported', 'bad']],
      );
    });
  }
});

describe('NumPy arrays', () => {
  const { open, refusal, write } = formatFolder(numpyFormat, 'made.npy');
  const openZip = (records: readonly ZipRecord[]): Promise<Checkpoint> => open(zip(records), 'made.npz');

  it('are known by what they begin with, whatever the name', async () => {
    const files: [string, Buffer][] = [
      ['array', good],
      ['weights.pt', zip([{ name: 'w.npy', bytes: good }])],
      [
        'weights.NPZ',
        zip([
          { name: 'notes.txt', bytes: good },
          { name: 'w.npy', bytes: good },
        ]),
      ],
    ];
    for (const [name, bytes] of files) {
      const checkpoint = await openModel(write(bytes, name));
      assert.equal(checkpoint.format, 'numpy', name);
      await checkpoint.close();
    }
    const checkpoint = await openZip([
      { name: 'notes.txt', bytes: good },
      { name: 'w.npy', bytes: good },
    ]);
    assert.deepEqual(checkpoint.metadata, { 'records that are no arrays': 'notes.txt' });
  });

  it('have headers that Python 2 wrote, or with other spacing and quotes', async () => {
    for (const header of [
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }",
      `{ "shape" :(2,3) ,"fortran_order":False,\n"descr":"<f4"}   `,
    ]) {
      const checkpoint = await open(array(header, FLOATS));
      assert.deepEqual(checkpoint.tensors[0]!.shape, [2, 3]);
      assert.equal(await readHex(checkpoint, 'made'), FLOATS.toString('hex'));
    }
  });

  it('cut at any byte are refused', async () => {
    for (let length = 1; length < good.length; length++) {
      const { code } = await refusal(good.subarray(0, length));
      assert.ok(['truncated', 'unknown-format'].includes(code), `${length}: ${code}`);
    }
  });

  it('with a header that is no dictionary of type, order and shape are malformed', async () => {
    for (const header of [
      '',
      '[]',
      '{}',
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)",
      "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': 6}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3.0)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (9007199254740993, 9007199254740993)}",
      "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
      "{'descr': 4, 'fortran_order': False, 'shape': (2, 3)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': __import__('os').system('true')}",
      `${HEADER.trim()} + {}`,
      '('.repeat(9000),
    ]) {
      assert.equal((await refusal(array(header, FLOATS))).code, 'malformed', header.slice(0, 90));
    }
  });

  it('with a header longer than the file, or than any NumPy writes, or of another version are refused', async () => {
    assert.equal((await refusal(array(HEADER, FLOATS, { length: 9999 }))).code, 'truncated');
    assert.equal((await refusal(array(HEADER, FLOATS, { length: 65535 }))).code, 'limit');
    assert.equal((await refusal(array(HEADER, FLOATS, { length: 2 ** 32 - 1, version: 2 }))).code, 'limit');
    assert.equal((await refusal(array(HEADER, FLOATS, { version: 4 }))).code, 'unsupported');
  });

  it('that changed while they were open are said to have', async () => {
    const checkpoint = await open(good);
    utimesSync(checkpoint.path, 1, 1);
    assert.equal(await codeOf(checkpoint.read(checkpoint.tensors[0]!)), 'changed');
    writeFileSync(checkpoint.path, good.subarray(0, 50));
    assert.equal(await codeOf(checkpoint.read(checkpoint.tensors[0]!)), 'changed');
    rmSync(checkpoint.path);
    assert.equal(await codeOf(checkpoint.read(checkpoint.tensors[0]!)), 'changed');
  });

  it('stop being read when they are told to', async () => {
    const checkpoint = await openZip([{ name: 'w.npy', bytes: good, deflate: true }]);
    const reading = checkpoint.read(checkpoint.tensors[0]!, undefined, AbortSignal.abort());
    await assert.rejects(reading, { name: 'AbortError' });
    assert.equal(await readHex(checkpoint, 'w'), FLOATS.toString('hex'));
  });

  describe('in archives that are damaged', () => {
    it('have a wrong checksum when they were read to the end, in one piece or in rows', async () => {
      for (const deflate of [false, true]) {
        const checkpoint = await openZip([{ name: 'w.npy', bytes: good, crc: 7, deflate }]);
        const tensor = checkpoint.tensors[0]!;
        assert.equal(await codeOf(checkpoint.read(tensor)), 'corrupt');
        assert.equal(await codeOf(checkpoint.read(tensor, { start: 0, end: 1 })), 'read');
        assert.equal(await codeOf(checkpoint.read(tensor, { start: 1, end: 2 })), 'corrupt');
      }
    });

    it('are read where they are whole, and named where not', async () => {
      const checkpoint = await openZip([
        { name: 'cut.npy', bytes: good.subarray(0, 90) },
        { name: 'w.npy', bytes: good },
        { name: 'encrypted.npy', bytes: good, flags: 1 },
        { name: 'empty.npy', bytes: Buffer.alloc(0) },
      ]);
      assert.deepEqual(namesOf(checkpoint), ['w']);
      assert.deepEqual(
        checkpoint.problems.map(({ code, tensor, file }) => [code, tensor, path.basename(file!)]),
        [
          ['truncated', 'cut', 'made.npz'],
          ['unsupported', 'encrypted', 'made.npz'],
          ['truncated', 'empty', 'made.npz'],
        ],
      );
    });

    it('declare fewer bytes than they hold, or more', async () => {
      const short = await openZip([{ name: 'w.npy', bytes: good, size: good.length - 1, deflate: true }]);
      assert.deepEqual(
        short.problems.map(({ code }) => code),
        ['truncated'],
      );
      const header = HEADER.replace('(2, 3)', '(2, 4)');
      const long = await openZip([
        { name: 'w.npy', bytes: array(header, FLOATS), size: good.length + 8, deflate: true },
      ]);
      assert.equal(await codeOf(long.read(long.tensors[0]!, { start: 0, end: 1 })), 'read');
      assert.equal(await codeOf(long.read(long.tensors[0]!)), 'corrupt');
    });

    it('are no bombs: a record that declares more than deflate can make is refused, a band of zeros is read', async () => {
      const zeros = Buffer.alloc(16 * 1024 * 1024);
      const bytes = array("{'descr': '|u1', 'fortran_order': False, 'shape': (16, 1048576)}", zeros);
      const checkpoint = await openZip([
        { name: 'w.npy', bytes, deflate: true },
        { name: 'bomb.npy', bytes: good, deflate: true, size: 2 ** 31 },
      ]);
      assert.deepEqual(namesOf(checkpoint), ['w']);
      assert.deepEqual(
        checkpoint.problems.map(({ code, tensor }) => [code, tensor]),
        [['malformed', 'bomb']],
      );
      const band = await checkpoint.read(checkpoint.tensors[0]!, { start: 15, end: 16 });
      assert.equal(band.length, 1048576);
    });

    it('without any array say what they hold', async () => {
      const error = await refusal(zip([{ name: 'notes.txt', bytes: good }]), 'made.npz');
      assert.equal(error.code, 'unknown-format');
      assert.match(error.message, /notes\.txt/);
    });
  });
});

if (sharedFolder === undefined) console.log('NumPy: reference checkpoints not found, that test is left out');
else {
  const folder = path.join(sharedFolder, 'checkpoints', 'stories260K-llama-derived');
  describe('a reference checkpoint saved by NumPy', () => {
    it('equals its safetensors bit for bit', async () => {
      const [ours, twin] = await Promise.all(
        ['weights.npz', 'model.safetensors'].map((name) => openModel(path.join(folder, name))),
      );
      try {
        assert.deepEqual(namesOf(ours!).toSorted(), namesOf(twin!).toSorted());
        for (const tensor of twin!.tensors) {
          const own = ours!.tensors.find(({ name }) => name === tensor.name)!;
          assert.deepEqual([own.shape, own.dtype], [tensor.shape, tensor.dtype]);
          assert.deepEqual(await ours!.read(own), await twin!.read(tensor), tensor.name);
        }
      } finally {
        await Promise.all([ours!.close(), twin!.close()]);
      }
    });
  });
}
