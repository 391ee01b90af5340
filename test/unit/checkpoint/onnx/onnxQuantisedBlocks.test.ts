/** ONNX weights in blocks (MatMulNBits, MatMulBnb4, GatherBlockQuantized): decoded to what onnxruntime computes with. */
import { TYPE } from '../../../harness/checkpoints/onnxWriter';
import { integers } from '../../../harness/checkpoints/quantisedFixtures';
import { packed, rawTensor, scalesTensor, unitMatrix } from '../../../harness/onnxRun';
import {
  MICROSOFT,
  scalesOf,
  exactScales,
  bytesOf,
  type Example,
  transposed,
  codes,
  operator,
  testExamples,
} from './quantisedExamples';

interface Blocks {
  readonly bits: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly block: number;
  readonly zero?: 'packed' | 'float';
}

function blockMatMul({ bits, inputs, outputs, block, zero }: Blocks): Example {
  const blocks = Math.ceil(inputs / block);
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  const bytes = (count: number, seed: number): Uint8Array => bytesOf(integers(count, 256, seed));
  const zeros =
    zero === 'packed'
      ? rawTensor('z', [outputs * zeroBytes], TYPE.UINT8, bytes(outputs * zeroBytes, 5))
      : scalesTensor('z', [outputs * blocks], exactScales(outputs * blocks, 5));
  return {
    what: `MatMulNBits, ${bits} bits, ${inputs} inputs, zero points ${zero ?? 'none'}`,
    shape: [outputs, inputs],
    encoding: `MatMulNBits ${bits}-bit g${block}`,
    others: ['x'],
    initializers: [
      unitMatrix('x', inputs),
      rawTensor(
        'w',
        [outputs, blocks, (block * bits) / 8],
        TYPE.UINT8,
        bytes((outputs * blocks * block * bits) / 8, 3),
      ),
      scalesTensor('s', [outputs * blocks], (zero === 'float' ? exactScales : scalesOf)(outputs * blocks, 4)),
      ...(zero ? [zeros] : []),
    ],
    nodes: [
      operator('MatMulNBits', ['x', 'w', 's', ...(zero ? ['z'] : [])], MICROSOFT, {
        ...{ K: inputs, N: outputs, bits, block_size: block },
      }),
    ],
    weight: transposed(outputs, inputs),
  };
}

/** A product's sum with zeros would lose its sign. */
const withoutNegativeZero = (code: number): number => (code < 8 ? code : code + 1);

const BLOCKS: readonly Example[] = [
  blockMatMul({ bits: 4, inputs: 64, outputs: 5, block: 32 }),
  blockMatMul({ bits: 4, inputs: 96, outputs: 5, block: 32, zero: 'packed' }),
  blockMatMul({ bits: 4, inputs: 40, outputs: 3, block: 16, zero: 'packed' }),
  blockMatMul({ bits: 8, inputs: 64, outputs: 5, block: 32 }),
  blockMatMul({ bits: 8, inputs: 40, outputs: 3, block: 16, zero: 'packed' }),
  blockMatMul({ bits: 2, inputs: 64, outputs: 5, block: 32, zero: 'packed' }),
  blockMatMul({ bits: 4, inputs: 64, outputs: 4, block: 16, zero: 'float' }),
  ...[0, 1].map((quant_type): Example => ({
    what: `MatMulBnb4, type ${quant_type}`,
    shape: [5, 33],
    encoding: `MatMulBnb4 ${quant_type ? 'NF4' : 'FP4'} g16`,
    others: ['x'],
    initializers: [
      unitMatrix('x', 33),
      rawTensor('w', [83], TYPE.UINT8, packed(integers(166, 15, 3).map(withoutNegativeZero), 4)),
      scalesTensor('s', [11], scalesOf(11, 4)),
    ],
    nodes: [operator('MatMulBnb4', ['x', 'w', 's'], MICROSOFT, { K: 33, N: 5, block_size: 16, quant_type })],
    weight: transposed(5, 33),
  })),
  ...(
    [
      ['U4', 4, [6, 40], true],
      ['I4', 4, [6, 40], true],
      ['I4', 4, [6, 40], false],
      ['U8', 4, [6, 20], true],
      ['U8', 4, [6, 20], false],
      ['U8', 8, [6, 40], true],
      ['U8', 8, [6, 40], false],
    ] as const
  ).map(([kind, bits, dims, zero]): Example => {
    const zeroColumns = kind === 'U8' && bits === 4 ? 2 : 3;
    return {
      what: `GatherBlockQuantized, ${kind} of ${bits} bits, ${zero ? 'with' : 'without'} zero points`,
      shape: [6, 40],
      encoding: `${kind === 'U8' ? `U${bits}` : kind} g16`,
      others: ['all'],
      initializers: [
        codes('w', dims, kind, 3),
        rawTensor('all', [6], TYPE.INT64, packed([0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0], 32)),
        scalesTensor('s', [6, 3], scalesOf(18, 4)),
        ...(zero ? [codes('z', [6, zeroColumns], kind, 5)] : []),
      ],
      nodes: [
        operator('GatherBlockQuantized', ['w', 'all', 's', ...(zero ? ['z'] : [])], MICROSOFT, {
          ...{ block_size: 16, quantize_axis: 1, ...(kind === 'U8' && { bits }) },
        }),
      ],
    };
  }),
];

testExamples('onnx: weights quantised in blocks are what onnxruntime computes with', BLOCKS);
