import assert from 'node:assert/strict';
import { closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { widen } from '../../../../extension/checkpoint/elements/dtype';
import { onnxFormat } from '../../../../extension/checkpoint/onnx/onnx';
import {
  attribute,
  bytesField,
  concat,
  constant,
  float32,
  floatTensor,
  graph,
  model,
  node,
  packedVarints,
  tensor,
  TYPE,
  unpackedFloats,
  unpackedVarints,
  varint,
  varintField,
} from '../../../harness/checkpoints/onnxWriter';
import { openedOnnx } from '../../../harness/checkpoints/openedOnnx';

describe('onnx: what is found in a model', () => {
  const { folder, opened, open } = openedOnnx();

  async function floats(
    checkpoint: Checkpoint,
    name: string,
    rows?: { start: number; end: number },
  ): Promise<number[]> {
    const found = checkpoint.tensors.find((candidate) => candidate.name === name);
    assert.ok(found, `${name} is not among ${names(checkpoint).join(', ')}`);
    return [...new Float32Array((await checkpoint.read(found, rows)).slice().buffer)];
  }

  function names(checkpoint: Checkpoint): string[] {
    return checkpoint.tensors.map(({ name }) => name);
  }

  it('lists initializers with shape, type and size, and reads them whole and by rows', async () => {
    const checkpoint = await open(model(graph({ initializers: [floatTensor('conv.weight', [3, 2, 1, 2])] })));
    assert.deepEqual(checkpoint.tensors, [
      { name: 'conv.weight', group: '', shape: [3, 2, 1, 2], dtype: 'F32', byteLength: 48, kernelLayout: 'OI…' },
    ]);
    assert.deepEqual(
      await floats(checkpoint, 'conv.weight'),
      [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75],
    );
    assert.deepEqual(await floats(checkpoint, 'conv.weight', { start: 1, end: 2 }), [1, 1.25, 1.5, 1.75]);
    assert.deepEqual(await floats(checkpoint, 'conv.weight', { start: 3, end: 3 }), []);
    await assert.rejects(floats(checkpoint, 'conv.weight', { start: 1, end: 4 }), RangeError);
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(checkpoint.files, [checkpoint.path]);
  });

  it('tells where a model comes from', async () => {
    const checkpoint = await open(
      concat(
        varintField(1, 8),
        bytesField(2, 'pytorch'),
        bytesField(3, '2.9'),
        bytesField(4, 'org.example'),
        varintField(5, 3),
        bytesField(6, 'what it is for'),
        bytesField(7, graph({ name: 'main_graph' })),
        bytesField(8, varintField(2, 17)),
        bytesField(8, concat(bytesField(1, 'com.microsoft'), varintField(2, 1))),
        bytesField(14, concat(bytesField(1, 'stride'), bytesField(2, '32'))),
        bytesField(14, concat(bytesField(1, 'graph'), bytesField(2, 'not the name'))),
        bytesField(14, concat(bytesField(1, '__proto__'), bytesField(2, 'kept'))),
      ),
    );
    assert.deepEqual(Object.entries(checkpoint.metadata), [
      ['ir_version', '8'],
      ['producer_name', 'pytorch'],
      ['producer_version', '2.9'],
      ['domain', 'org.example'],
      ['model_version', '3'],
      ['doc_string', 'what it is for'],
      ['graph', 'main_graph'],
      ['stride', '32'],
      ['metadata_props.graph', 'not the name'],
      ['__proto__', 'kept'],
      ['opset_import', 'ai.onnx 17, com.microsoft 1'],
    ]);
    assert.deepEqual(checkpoint.tensors, []);
  });

  it('names the value of a Constant node by its output, in every form the operator has', async () => {
    const checkpoint = await open(
      model(
        graph({
          nodes: [
            constant('weight', attribute('value', bytesField(5, floatTensor('ignored', [2, 1], 7)))),
            constant('alpha', attribute('value_float', concat(varint(2 * 8 + 5), float32(0.5)))),
            constant('axis', attribute('value_int', varintField(3, -1))),
            constant('scales', attribute('value_floats', bytesField(7, float32(1, 2, 4)))),
            constant('unpacked', attribute('value_floats', unpackedFloats(7, [1, 3]))),
            constant('pads', attribute('value_ints', packedVarints(8, [0, -2, 300]))),
            constant('axes', attribute('value_ints', unpackedVarints(8, [1, -1]))),
            node('ConstantOfShape', {
              output: 'zeros',
              attributes: [attribute('value', bytesField(5, floatTensor('', [1])))],
            }),
            node('Constant', {
              domain: 'com.example',
              output: 'other',
              attributes: [attribute('value', bytesField(5, floatTensor('', [1])))],
            }),
          ],
        }),
      ),
    );
    assert.deepEqual(
      checkpoint.tensors.map(({ name, shape, dtype }) => [name, shape, dtype]),
      [
        ['weight', [2, 1], 'F32'],
        ['alpha', [], 'F32'],
        ['axis', [], 'I64'],
        ['scales', [3], 'F32'],
        ['unpacked', [2], 'F32'],
        ['pads', [3], 'I64'],
        ['axes', [2], 'I64'],
      ],
    );
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(await floats(checkpoint, 'weight'), [7, 7.25]);
    assert.deepEqual(await floats(checkpoint, 'alpha'), [0.5]);
    assert.deepEqual(await floats(checkpoint, 'scales'), [1, 2, 4]);
    assert.deepEqual(await floats(checkpoint, 'unpacked'), [1, 3]);
    const integers = async (name: string) => {
      const bytes = await checkpoint.read(checkpoint.tensors.find((candidate) => candidate.name === name)!);
      return [...new BigInt64Array(bytes.slice().buffer)];
    };
    assert.deepEqual(await integers('axis'), [-1n]);
    assert.deepEqual(await integers('pads'), [0n, -2n, 300n]);
    assert.deepEqual(await integers('axes'), [1n, -1n]);
  });

  it('descends into subgraphs, functions and training graphs, and keeps names apart by place', async () => {
    const branch = (first: number) =>
      graph({
        initializers: [floatTensor('weight', [1], first)],
        nodes: [constant('scale', attribute('value', bytesField(5, floatTensor('', [1], first + 10))))],
      });
    const inner = node('Loop', {
      name: 'Loop_0',
      attributes: [attribute('body', bytesField(6, branch(3)))],
    });
    const checkpoint = await open(
      model(
        graph({
          initializers: [floatTensor('weight', [1], 1), floatTensor('weight', [1], 100), floatTensor('', [1], 101)],
          nodes: [
            node('If', {
              name: 'If_0',
              attributes: [
                attribute('then_branch', bytesField(6, branch(2))),
                attribute('else_branch', bytesField(6, graph({ nodes: [inner] }))),
              ],
            }),
            node('Scan', {
              attributes: [attribute('body', concat(bytesField(11, branch(4)), bytesField(11, branch(5))))],
            }),
          ],
        }),
        bytesField(20, bytesField(2, branch(6))),
        bytesField(
          25,
          concat(
            bytesField(1, 'Gelu'),
            bytesField(7, constant('scale', attribute('value', bytesField(5, floatTensor('', [1], 17))))),
            bytesField(10, 'my.ops'),
          ),
        ),
      ),
    );
    const found: [string, number][] = [];
    for (const { name } of checkpoint.tensors) found.push([name, (await floats(checkpoint, name))[0]!]);
    assert.deepEqual(found, [
      ['scale', 12],
      ['If_0.then_branch/weight', 2],
      ['If_0.else_branch/Loop_0.body/scale', 13],
      ['If_0.else_branch/Loop_0.body/weight', 3],
      ['Scan.body/scale', 14],
      ['Scan.body/weight', 4],
      ['Scan.body/scale #2', 15],
      ['Scan.body/weight #2', 5],
      ['weight', 1],
      ['weight #2', 100],
      ['initializer[2]', 101],
      ['training[0].algorithm/scale', 16],
      ['training[0].algorithm/weight', 6],
      ['function my.ops.Gelu/scale', 17],
    ]);
    // Different graphs may repeat names, one graph may not.
    assert.deepEqual(
      checkpoint.problems.map(({ code, tensor }) => [code, tensor]),
      [['malformed', 'weight']],
    );
    assert.match(checkpoint.problems[0]!.message, /another tensor of the same graph has this name/);
  });

  it('finds what functions of the model hold, and what they are called with', async () => {
    const value = (name: string, first: number) => attribute(name, bytesField(5, floatTensor('', [1], first)));
    const pair = concat(bytesField(10, floatTensor('', [1], 4)), bytesField(10, floatTensor('', [1], 5)));
    const inner = graph({
      nodes: [constant('deep', value('value', 6))],
      initializers: [floatTensor('branch', [1], 7)],
    });
    const checkpoint = await open(
      model(
        graph({
          nodes: [
            node('Layer', { domain: 'my.ops', name: 'layer_0', attributes: [value('weight', 1)] }),
            node('Layer', { domain: 'my.ops', attributes: [value('weight', 2), attribute('pair', pair)] }),
            node('Layer', { domain: 'other.ops', attributes: [value('weight', 3)] }),
          ],
        }),
        bytesField(
          25,
          concat(
            bytesField(1, 'Layer'),
            bytesField(6, 'weight'),
            bytesField(7, node('If', { name: 'If_0', attributes: [attribute('then_branch', bytesField(6, inner))] })),
            // The value is what the call gives.
            bytesField(7, constant('weight of the call', concat(bytesField(1, 'value'), bytesField(21, 'weight')))),
            bytesField(10, 'my.ops'),
            bytesField(11, value('bias', 8)),
            bytesField(11, attribute('body', bytesField(6, graph({ initializers: [floatTensor('branch', [1], 9)] })))),
            bytesField(13, 'float'),
          ),
        ),
      ),
    );
    assert.deepEqual(checkpoint.problems, []);
    const found: [string, number][] = [];
    for (const { name } of checkpoint.tensors) found.push([name, (await floats(checkpoint, name))[0]!]);
    assert.deepEqual(found, [
      ['deep', 6],
      ['branch', 7],
      ['bias', 8],
      ['function my.ops.Layer:float/attribute.body/branch', 9],
      ['layer_0.weight', 1],
      ['Layer.weight', 2],
      ['Layer.pair[0]', 4],
      ['Layer.pair[1]', 5],
    ]);
  });

  it('decodes elements of less than a byte, raw and typed, and lists how they are stored', async () => {
    const bytes = Uint8Array.of(0x12, 0xf4, 0x0b);
    const kinds = [
      ['I4', 22, [2, 1, 4, -1, -5]],
      ['U4', 21, [2, 1, 4, 15, 11]],
      ['F4', 23, [1, 0.5, 2, -6, -1.5]],
    ] as const;
    const initializers = kinds.flatMap(([name, type]) => [
      tensor(name, [5], type, bytesField(9, bytes)),
      tensor(`${name} typed`, [5], type, packedVarints(5, [...bytes])),
    ]);
    const two = [tensor('U2', [5], 25, bytesField(9, Uint8Array.of(0b11100100, 0b10)))];
    const checkpoint = await open(model(graph({ initializers: [...initializers, ...two] })));
    assert.deepEqual(checkpoint.problems, []);
    const found = await Promise.all(
      checkpoint.tensors.map(async (info) => [...widen(await checkpoint.read(info), info.dtype)]),
    );
    assert.deepEqual(found, [...kinds.flatMap(([, , values]) => [[...values], [...values]]), [0, 1, 2, 3, 2]]);
    assert.deepEqual(
      checkpoint.tensors.map(({ dtype, encoding }) => `${encoding!.name} ${encoding!.byteLength} ${dtype}`),
      ['I4 3 I8', 'I4 3 I8', 'U4 3 U8', 'U4 3 U8', 'F4 3 F32', 'F4 3 F32', 'U2 2 U8'],
    );
    const [last] = [...widen(await checkpoint.read(checkpoint.tensors[0]!, { start: 3, end: 5 }), 'I8')];
    assert.equal(last, -1);
  });

  it('lists what it cannot read as problems by name, and the rest as tensors', async () => {
    const sparse = concat(
      bytesField(1, tensor('sparse', [1], TYPE.FLOAT, bytesField(9, float32(1)))),
      varintField(3, 9),
    );
    const checkpoint = await open(
      model(
        graph({
          nodes: [
            constant('sparse constant', attribute('sparse_value', bytesField(22, sparse))),
            constant('text', attribute('value_string', bytesField(4, 'hello'))),
          ],
          initializers: [
            tensor('vocabulary', [1], TYPE.STRING, bytesField(6, 'a')),
            tensor('future', [1], 77, bytesField(9, Uint8Array.of(1))),
            tensor('parts', [1], TYPE.FLOAT, bytesField(3, varintField(1, 0)), bytesField(9, float32(1))),
            floatTensor('fine', [1]),
          ],
          extra: [bytesField(15, sparse)],
        }),
      ),
    );
    assert.deepEqual(names(checkpoint), ['fine']);
    assert.deepEqual(
      checkpoint.problems.map(({ code, tensor: about }) => [code, about]),
      ['sparse constant', 'text', 'vocabulary', 'future', 'parts', 'sparse'].map((about) => ['unsupported', about]),
    );
    assert.match(checkpoint.problems[3]!.message, /77/);
  });

  it('reads scalars as one row and tensors without elements as none', async () => {
    const checkpoint = await open(
      model(graph({ initializers: [floatTensor('scalar', [], 2.5), tensor('empty', [0, 4], TYPE.FLOAT)] })),
    );
    assert.deepEqual(await floats(checkpoint, 'scalar', { start: 0, end: 1 }), [2.5]);
    assert.deepEqual(await floats(checkpoint, 'empty'), []);
    assert.deepEqual(checkpoint.problems, []);
  });

  it('reads fields in whatever order they were written', async () => {
    const reversed = concat(
      bytesField(9, float32(1, 2)),
      bytesField(8, 'late'),
      varintField(2, TYPE.FLOAT),
      bytesField(1, concat(varint(1), varint(2))),
    );
    const lateName = concat(
      bytesField(5, concat(bytesField(5, floatTensor('', [1], 9)), bytesField(1, 'value'))),
      bytesField(4, 'Constant'),
      bytesField(2, 'out'),
    );
    const checkpoint = await open(
      concat(bytesField(7, concat(bytesField(5, reversed), bytesField(1, lateName))), varintField(1, 8)),
    );
    assert.deepEqual(
      checkpoint.tensors.map(({ name, shape }) => [name, shape]),
      [
        ['late', [1, 2]],
        ['out', [1]],
      ],
    );
    assert.deepEqual(await floats(checkpoint, 'late'), [1, 2]);
    assert.deepEqual(await floats(checkpoint, 'out'), [9]);
  });

  it('steps over gigabytes of weights, and reads rows behind them', async () => {
    const rows = 1_048_576;
    const length = rows * 1024 * 4;
    const field = concat(varint(9 * 8 + 2), varint(length));
    const head = concat(tensor('huge', [rows, 1024], TYPE.FLOAT), field);
    const huge = concat(varint(5 * 8 + 2), varint(head.length + length), head);
    const last = bytesField(5, floatTensor('last', [2], 7));
    const start = concat(varintField(1, 8), varint(7 * 8 + 2), varint(huge.length + length + last.length), huge);
    // A sparse file: the weights take no room on the disk.
    const file = path.join(folder, 'huge.onnx');
    const descriptor = openSync(file, 'w');
    writeSync(descriptor, start);
    writeSync(descriptor, float32(1, 2, 3), 0, 12, start.length + length - 12);
    writeSync(descriptor, last, 0, last.length, start.length + length);
    closeSync(descriptor);
    const memory = process.memoryUsage().arrayBuffers;
    const checkpoint = await onnxFormat.open(file);
    opened.push(checkpoint);
    assert.ok(process.memoryUsage().arrayBuffers - memory < 2 ** 20);
    assert.deepEqual(names(checkpoint), ['huge', 'last']);
    assert.deepEqual((await floats(checkpoint, 'huge', { start: rows - 1, end: rows })).slice(-4), [0, 1, 2, 3]);
    assert.deepEqual(await floats(checkpoint, 'last'), [7, 7.25]);
    rmSync(file);
  });

  it('refuses a model that changed while it was open, and reads after close', async () => {
    const checkpoint = await open(model(graph({ initializers: [floatTensor('w', [4])] })));
    writeFileSync(checkpoint.path, model(graph({ initializers: [floatTensor('other', [40])] })));
    await assert.rejects(checkpoint.read(checkpoint.tensors[0]!), { name: 'CheckpointError', code: 'changed' });
    await checkpoint.close();
    await assert.rejects(checkpoint.read(checkpoint.tensors[0]!), { name: 'CheckpointError', code: 'io' });
  });

  it('stops when it is cancelled', async () => {
    const file = path.join(folder, 'cancelled.onnx');
    writeFileSync(file, model(graph({ initializers: [floatTensor('w', [4])] })));
    await assert.rejects(onnxFormat.open(file, AbortSignal.abort()), { name: 'AbortError' });
    const checkpoint = await onnxFormat.open(file);
    opened.push(checkpoint);
    await assert.rejects(checkpoint.read(checkpoint.tensors[0]!, undefined, AbortSignal.abort()), {
      name: 'AbortError',
    });
  });
});
