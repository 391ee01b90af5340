import assert from 'node:assert/strict';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { openModel } from '../../../../extension/checkpoint/openModel';
import {
  bytesField,
  concat,
  float32,
  float64,
  lyingField,
  model,
  packedVarints,
  unpackedFloats,
  varintField,
} from '../../../harness/checkpoints/onnxWriter';
import { graph as onnxGraph } from '../../../harness/checkpoints/onnxWriter';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { bundle, ramp, shapeField, textBytes, TF, writeBundle } from '../../../harness/checkpoints/tensorBundleWriter';
import {
  attribute,
  constant,
  content,
  graphDef,
  node,
  savedModel,
  tensorProto,
} from '../../../harness/checkpoints/tensorflowGraphWriter';
import { codeOf, namesOf, readHex } from '../../../harness/checkpoints/torchFiles';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const kernel = constant('conv/kernel', tensorProto([3, 3, 1, 2], content(ramp(18))));
const shape = constant('Reshape/shape', tensorProto([2], content(new Uint8Array(8)), TF.INT32));
const input = node('input', 'Placeholder', attribute('shape', bytesField(7, new Uint8Array())));
const add = node('add', 'AddV2', bytesField(3, 'input'), bytesField(3, 'conv/kernel'), bytesField(4, '/cpu:0'));

describe('TensorFlow graphs', () => {
  const root = temporaryFolder();
  let count = 0;
  const opened: Checkpoint[] = [];
  after(() => Promise.all(opened.map((checkpoint) => checkpoint.close())));

  const write = (bytes: Uint8Array, name: string): string => {
    const folder = path.join(root, String(count++));
    mkdirSync(folder);
    writeFileSync(path.join(folder, name), bytes);
    return path.join(folder, name);
  };
  const openPath = async (file: string): Promise<Checkpoint> => {
    const checkpoint = await openModel(file);
    opened.push(checkpoint);
    return checkpoint;
  };
  const open = (bytes: Uint8Array, name = 'frozen.pb'): Promise<Checkpoint> => openPath(write(bytes, name));

  it('that are frozen hold weights as constants, known under any name', async () => {
    const checkpoint = await open(graphDef([input, kernel, shape, add]), 'model');
    assert.equal(checkpoint.format, 'tensorflow graph');
    assert.deepEqual(checkpoint.problems, []);
    const [only] = checkpoint.tensors;
    assert.deepEqual(
      { ...only },
      { name: 'conv/kernel', group: '', shape: [3, 3, 1, 2], dtype: 'F32', byteLength: 72, kernelLayout: '…IO' },
    );
    assert.equal(await readHex(checkpoint, 'conv/kernel'), hex(ramp(18)));
    assert.equal(await readHex(checkpoint, 'conv/kernel', { start: 2, end: 3 }), hex(ramp(18).subarray(48)));
    assert.deepEqual(checkpoint.metadata, { nodes: '4', 'constants that are no weights': '1' });
  });

  it('are not taken for models of ONNX, nor these for graphs', async () => {
    assert.equal((await open(model(onnxGraph({})), 'a')).format, 'onnx');
    assert.equal((await open(graphDef([kernel]), 'a')).format, 'tensorflow graph');
  });

  it('hold functions, whose constants have a group', async () => {
    const checkpoint = await open(graphDef([kernel], { __inference_call_12: [kernel, shape] }));
    assert.deepEqual(
      checkpoint.tensors.map(({ name, group }) => [name, group]),
      [
        ['conv/kernel', ''],
        ['__inference_call_12.conv/kernel', '__inference_call_12'],
      ],
    );
  });

  it('hold numbers in typed fields, as many as the shape needs', async () => {
    const typed: [string, number, string, Uint8Array, Uint8Array][] = [
      ['packed', TF.FLOAT, 'F32', bytesField(5, float32(1, 2, 3, 4)), float32(1, 2, 3, 4)],
      ['unpacked', TF.FLOAT, 'F32', unpackedFloats(5, [1, 2, 3, 4]), float32(1, 2, 3, 4)],
      ['double', TF.DOUBLE, 'F64', bytesField(6, float64(1, 2, 3, 4)), float64(1, 2, 3, 4)],
      [
        'half',
        TF.HALF,
        'F16',
        packedVarints(13, [0x3c00, 0xbc00, 0, 1]),
        new Uint8Array(Uint16Array.of(0x3c00, 0xbc00, 0, 1).buffer),
      ],
      ['int', TF.QINT32, 'I32', packedVarints(7, [-1, 2, 300, 4]), new Uint8Array(Int32Array.of(-1, 2, 300, 4).buffer)],
      ['code', TF.QUINT8, 'U8', packedVarints(7, [255, 0, 1, 2]), Uint8Array.of(255, 0, 1, 2)],
    ];
    const checkpoint = await open(
      graphDef(typed.map(([name, type, , data]) => constant(name, tensorProto([2, 2], data, type)))),
    );
    assert.deepEqual(checkpoint.problems, []);
    for (const [name, , dtype, , elements] of typed) {
      assert.equal(checkpoint.tensors.find((tensor) => tensor.name === name)!.dtype, dtype);
      assert.equal(await readHex(checkpoint, name), hex(elements), name);
    }
    assert.equal(checkpoint.tensors.find(({ name }) => name === 'code')!.encoding!.name, 'quint8');
  });

  it('repeat the last number where fewer are stored than the shape needs', async () => {
    const half = (...values: number[]): Uint8Array => new Uint8Array(Uint16Array.from(values).buffer);
    const long = [...Array.from({ length: 40 }, (_, i) => i + 1), ...new Array<number>(20).fill(40)];
    const halves = [0x3c00, 0, 0xbc00, 0xbc00, 0xbc00, 0xbc00, 0xbc00, 0xbc00];
    const stored: [string, readonly number[], number, Uint8Array, Uint8Array][] = [
      ['packed', [3, 2], TF.FLOAT, bytesField(5, float32(1, 2, 3)), float32(1, 2, 3, 3, 3, 3)],
      ['unpacked', [3, 2], TF.FLOAT, unpackedFloats(5, [1, 2]), float32(1, 2, 2, 2, 2, 2)],
      ['double', [2, 2], TF.DOUBLE, bytesField(6, float64(1, -2)), float64(1, -2, -2, -2)],
      ['half', [4, 2], TF.HALF, packedVarints(13, halves.slice(0, 3)), half(...halves)],
      ['long', [20, 3], TF.QUINT8, packedVarints(7, long.slice(0, 40)), Uint8Array.from(long)],
    ];
    const checkpoint = await open(
      graphDef(stored.map(([name, sizes, type, data]) => constant(name, tensorProto(sizes, data, type)))),
    );
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(
      namesOf(checkpoint),
      stored.map(([name]) => name),
    );
    for (const [name, [rows], , , elements] of stored) {
      assert.equal(await readHex(checkpoint, name), hex(elements), name);
      // Bands in any order: each goes on where another one ended.
      for (const start of [0, 1, rows! - 1, rows! - 2, 0]) {
        const band = elements.subarray((start * elements.length) / rows!, ((start + 1) * elements.length) / rows!);
        assert.equal(await readHex(checkpoint, name, { start, end: start + 1 }), hex(band), `${name} ${start}`);
      }
    }
  });

  it('do not make a large weight of few numbers', async () => {
    const trap = constant('trap', tensorProto([2 ** 20, 2 ** 10], bytesField(5, float32(1, 2))));
    const checkpoint = await open(graphDef([trap, kernel]));
    assert.deepEqual(namesOf(checkpoint), ['conv/kernel']);
    assert.deepEqual(
      checkpoint.problems.map(({ code, tensor }) => [code, tensor]),
      [['malformed', 'trap']],
    );
  });

  it('count constants that are no weights', async () => {
    const others = [
      tensorProto([], content(ramp(1))),
      tensorProto([1], content(ramp(1))),
      tensorProto([1000, 1000], bytesField(5, float32(0))),
      tensorProto([4], new Uint8Array()),
      tensorProto([4, 2], content(new Uint8Array(32)), TF.INT32),
      tensorProto([2], bytesField(8, 'text'), TF.STRING),
    ];
    const checkpoint = await open(graphDef([kernel, ...others.map((tensor, i) => constant(`c${i}`, tensor))]));
    assert.deepEqual(namesOf(checkpoint), ['conv/kernel']);
    assert.equal(checkpoint.metadata['constants that are no weights'], '6');
    assert.deepEqual(checkpoint.problems, []);
    await assert.rejects(open(graphDef([input, shape])), {
      code: 'unsupported',
      message: /graph of 2 nodes, and no weights/,
    });
  });

  it('show the constants before a cut, and the others where one is wrong', async () => {
    const wrong = constant('wrong', tensorProto([4, 4], content(ramp(3))));
    const partial = await open(graphDef([kernel, wrong, constant('last', tensorProto([2, 2], content(ramp(4))))]));
    assert.deepEqual(namesOf(partial), ['conv/kernel', 'last']);
    assert.deepEqual(
      partial.problems.map(({ code, tensor }) => [code, tensor]),
      [['malformed', 'wrong']],
    );
    assert.match(partial.problems[0]!.message, /12 bytes of data, but the shape \[4, 4\] needs 64/);

    const bytes = graphDef([kernel, constant('last', tensorProto([2, 2], content(ramp(4))))]);
    const first = bytesField(1, kernel).length;
    const file = write(bytes, 'cut.pb');
    for (let length = bytes.length - 1; length > 0; length--) {
      truncateSync(file, length);
      const outcome = await openPath(file).then(
        (checkpoint) => namesOf(checkpoint).join(),
        (error: unknown) => (error as { code: string }).code,
      );
      if (length < first) assert.ok(['truncated', 'unknown-format'].includes(outcome), `${length}: ${outcome}`);
      else assert.match(outcome, /^conv\/kernel(,last)?$/, String(length));
    }
  });

  it('survive what makes no sense', async () => {
    const tensors = [
      tensorProto([2n ** 63n], content(ramp(2))),
      tensorProto([2n ** 52n, 2n ** 52n], content(ramp(2))),
      tensorProto(Array<number>(65).fill(1), content(ramp(2))),
      concat(varintField(1, TF.FLOAT), bytesField(2, varintField(3, 1)), content(ramp(2))),
      concat(bytesField(1, new Uint8Array(2)), content(ramp(2))),
      tensorProto([2], varintField(4, 1)),
      tensorProto([2, 2], bytesField(5, new Uint8Array(19))),
      lyingField(2, 2n ** 40n, new Uint8Array(2)),
    ];
    const nodes = [
      ...tensors.map((tensor, i) => constant(`t${i}`, tensor)),
      lyingField(5, 1000, new Uint8Array(3)),
      node('deep', 'Const', attribute('value', bytesField(8, bytesField(8, bytesField(8, ramp(2)))))),
      node('nothing', 'Const'),
      new Uint8Array(),
      Buffer.alloc(20, 0xff),
    ];
    const checkpoint = await open(graphDef([kernel, ...nodes]));
    assert.deepEqual(namesOf(checkpoint), ['conv/kernel']);
    assert.ok(checkpoint.problems.every(({ code }) => code === 'malformed'));
    assert.deepEqual(
      checkpoint.problems.flatMap(({ tensor }) => tensor ?? []),
      ['t0', 't1', 't2', 't3', 't4', 't5', 't6', 't7'],
    );
  });

  it('hold numbers of 8 bits in a field of bytes', async () => {
    const float8 = (...bytes: number[]): Uint8Array =>
      concat(varintField(1, 24), shapeField(2, [2, 2]), bytesField(18, Uint8Array.from(bytes)));
    const checkpoint = await open(
      graphDef([constant('w', float8(1, 2, 3, 4)), constant('filled', float8(7)), constant('short', float8(1, 2, 3))]),
    );
    assert.deepEqual(
      checkpoint.tensors.map(({ name, dtype, shape }) => [name, dtype, shape]),
      [['w', 'F8_E5M2', [2, 2]]],
    );
    assert.deepEqual([...(await checkpoint.read(checkpoint.tensors[0]!))], [1, 2, 3, 4]);
    assert.match(checkpoint.problems[0]!.message, /short.*3 bytes of data, but the shape \[2, 2\] needs 4/);
  });

  it('are listed up to a number of constants, and say so', async () => {
    const small = bytesField(1, constant('c', tensorProto([2], content(ramp(2)))));
    const checkpoint = await open(Buffer.alloc(small.length * 131_100, small));
    assert.equal(checkpoint.tensors.length, 131_072);
    assert.deepEqual(
      checkpoint.problems.map(({ code }) => code),
      ['limit'],
    );
  });

  it('show the constants before fields, or faults, without end', async () => {
    const empty = Buffer.alloc(10_200_000, bytesField(2, new Uint8Array()));
    const faults = Buffer.alloc(4 * 200_000, bytesField(1, Uint8Array.of(0x0b, 0)));
    for (const [bytes, limits] of [
      [graphDef([kernel, node('endless', 'NoOp', Buffer.alloc(10_200_000, varintField(9, 0)))]), 1],
      [concat(graphDef([kernel]), bytesField(2, empty)), 1],
      [concat(graphDef([kernel]), faults), 0],
    ] as const) {
      const { problems, ...checkpoint } = await open(bytes);
      assert.deepEqual(namesOf(checkpoint as Checkpoint), ['conv/kernel']);
      const told = problems.filter(({ code, message }) => code === 'limit' && message.includes('5000000 fields'));
      assert.equal(told.length, limits);
      // Beyond a thousand problems the others are counted.
      if (limits === 0) assert.ok(Number(/and (\d+) further/.exec(problems.at(-1)!.message)![1]) < 130_000);
    }
  });

  it('refuse what is none', async () => {
    for (const bytes of [
      Buffer.from('nothing of the kind'),
      Buffer.alloc(100),
      Buffer.from([10, 0]),
      bytesField(1, bytesField(5, '{}')),
    ]) {
      const code = await codeOf(open(bytes, 'other.pb'));
      assert.ok(['malformed', 'unknown-format', 'truncated', 'text-file'].includes(code), code);
    }
  });
});

describe('SavedModels', () => {
  const root = temporaryFolder();
  const opened: Checkpoint[] = [];
  after(() => Promise.all(opened.map((checkpoint) => checkpoint.close())));
  const lay = (name: string, graph: Uint8Array): string => {
    const folder = path.join(root, name);
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'saved_model.pb'), graph);
    return folder;
  };
  const open = async (file: string): Promise<Checkpoint> => {
    const checkpoint = await openModel(file);
    opened.push(checkpoint);
    return checkpoint;
  };
  const variable = bundle([{ name: 'dense/kernel', shape: [2, 3], bytes: ramp(6) }]);

  it('are the variables below them, by their folder, their file, or the variables', async () => {
    const folder = lay('whole', savedModel(graphDef([kernel])));
    const index = writeBundle(path.join(folder, 'variables'), 'variables', variable);
    for (const file of [folder, path.join(folder, 'saved_model.pb')]) {
      const checkpoint = await open(file);
      assert.deepEqual(
        [checkpoint.format, checkpoint.path],
        ['tensorflow savedmodel', path.join(folder, 'saved_model.pb')],
      );
      assert.deepEqual(checkpoint.files, [checkpoint.path, index, index.replace('.index', '.data-00000-of-00001')]);
      assert.equal(checkpoint.weightFiles, 1);
      assert.deepEqual(namesOf(checkpoint), ['dense/kernel']);
      assert.equal(await readHex(checkpoint, 'dense/kernel'), hex(ramp(6)));
    }
    for (const file of [path.join(folder, 'variables'), index])
      assert.equal((await open(file)).format, 'tensorflow checkpoint');
  });

  it('are the constants of their graph where they have no variables', async () => {
    const frozen = savedModel(
      graphDef([kernel]),
      graphDef([kernel, constant('other', tensorProto([2, 2], content(ramp(4))))]),
    );
    const without = lay('frozen', frozen);
    const empty = lay('empty', frozen);
    writeBundle(
      path.join(empty, 'variables'),
      'variables',
      bundle([
        { name: '_CHECKPOINTABLE_OBJECT_GRAPH', type: TF.STRING, shape: [], bytes: textBytes(new Uint8Array()) },
      ]),
    );
    for (const folder of [without, empty]) {
      const checkpoint = await open(folder);
      assert.equal(checkpoint.format, 'tensorflow savedmodel');
      assert.deepEqual(namesOf(checkpoint), ['conv/kernel']);
      assert.equal(await readHex(checkpoint, 'conv/kernel'), hex(ramp(18)));
    }
  });

  it('say what is missing where they have neither, and what is wrong with their variables', async () => {
    await assert.rejects(open(lay('bare', savedModel(graphDef([input])))), {
      code: 'missing-shard',
      message: /no variables beside it .* put the folder "variables" beside it/,
    });
    const damaged = lay('damaged', savedModel(graphDef([kernel])));
    writeBundle(path.join(damaged, 'variables'), 'variables', { ...variable, index: variable.index.subarray(0, 40) });
    await assert.rejects(open(damaged), { code: 'truncated', message: /variables\.index/ });
  });
});
