/** ONNX models that the fuzzer damages. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  attribute,
  bytesField,
  constant,
  external,
  float32,
  floatTensor,
  graph,
  intAttribute,
  model,
  node,
  packedVarints,
  runnableModel,
  tensor,
  TYPE,
} from '../harness/checkpoints/onnxWriter';
import { type Source } from './source';

export function smallOnnx(): Uint8Array {
  const branch = graph({
    initializers: [floatTensor('weight', [2, 3], 4)],
    nodes: [constant('scales', attribute('value_floats', bytesField(7, float32(1, 2, 4))))],
  });
  return model(
    graph({
      nodes: [
        constant('constant', attribute('value', bytesField(5, floatTensor('', [3, 2])))),
        constant('pads', attribute('value_ints', packedVarints(8, [0, -2, 300]))),
        node('If', { name: 'If_0', attributes: [attribute('then_branch', bytesField(6, branch))] }),
      ],
      initializers: [
        floatTensor('conv.weight', [4, 2, 3, 3]),
        tensor('half', [2, 2], TYPE.FLOAT16, packedVarints(5, [0x3c00, 0xc000, 0, 1])),
        tensor('typed', [2], TYPE.FLOAT, bytesField(4, float32(1, 2))),
        tensor('steps', [3], TYPE.INT64, packedVarints(7, [1, -1, 2n ** 40n])),
      ],
    }),
  );
}

/** A weight of each kind that operators of ONNX decode. */
export function quantisedOnnx(): Uint8Array {
  const integers = (values: Readonly<Record<string, number>>) =>
    Object.entries(values).map(([name, value]) => intAttribute(name, value));
  const microsoft = { domain: 'com.microsoft', output: 'y' };
  const sizes = { K: 32, N: 2, block_size: 16 };
  const bytes = (name: string, dims: readonly number[]) => {
    const count = dims.reduce((product, size) => product * size, 1);
    return tensor(name, dims, TYPE.UINT8, bytesField(9, new Uint8Array(count).fill(0x5a)));
  };
  return runnableModel(
    graph({
      nodes: [
        node('DequantizeLinear', { inputs: ['rows', 's3', 'z3'], output: 'a', attributes: integers({ axis: 0 }) }),
        node('DequantizeLinear', {
          inputs: ['blocks', 's32'],
          output: 'b',
          attributes: integers({ axis: 1, block_size: 4 }),
        }),
        node('QLinearConv', { inputs: ['x', 's1', '', 'conv', 's3', 'z3'], output: 'c' }),
        node('MatMulInteger', { inputs: ['x', 'matmul'], output: 'sums' }),
        node('Cast', { inputs: ['sums'], output: 'floats' }),
        node('Mul', { inputs: ['floats', 's1'], output: 'd' }),
        node('MatMulNBits', {
          ...microsoft,
          inputs: ['x', 'nbits', 's22'],
          attributes: integers({ ...sizes, bits: 4 }),
        }),
        node('MatMulBnb4', {
          ...microsoft,
          inputs: ['x', 'bnb', 's22'],
          attributes: integers({ ...sizes, quant_type: 1 }),
        }),
        node('GatherBlockQuantized', {
          ...microsoft,
          inputs: ['table', 'x', 's22'],
          attributes: integers({ block_size: 16 }),
        }),
      ],
      initializers: [
        ...[bytes('rows', [3, 4]), bytes('blocks', [3, 8]), bytes('conv', [3, 2, 1, 1]), bytes('matmul', [3, 4])],
        ...[bytes('nbits', [2, 2, 8]), bytes('bnb', [32]), bytes('table', [2, 16]), bytes('z3', [3])],
        ...[
          floatTensor('s1', [], 1),
          floatTensor('s3', [3], 1),
          floatTensor('s32', [3, 2], 1),
          floatTensor('s22', [2, 2], 1),
        ],
      ],
    }),
  );
}

export function externalOnnx(): Source {
  const initializers = [
    tensor('a', [4, 4], TYPE.FLOAT, external({ location: 'model.onnx_data', offset: '64', length: '64' })),
    tensor('b', [4, 4], TYPE.FLOAT, external({ location: 'model.onnx_data' })),
  ];
  return {
    name: 'external data',
    open: 'model.onnx',
    damage: ['model.onnx', 'model.onnx_data'],
    lay: (folder) => {
      writeFileSync(path.join(folder, 'model.onnx'), model(graph({ initializers })));
      writeFileSync(path.join(folder, 'model.onnx_data'), Buffer.alloc(128, 1));
    },
  };
}
