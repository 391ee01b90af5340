/** ONNX models whose quantised weights contradict themselves: the parts are listed, and a problem says why. */
import assert from 'node:assert/strict';
import { packed, rawTensor, scalesTensor } from '../../../harness/onnxRun';
import {
  attribute,
  bytesField,
  external,
  graph,
  intAttribute,
  type Message,
  node,
  runnableModel,
  tensor,
  TYPE,
} from '../../../harness/checkpoints/onnxWriter';
import { openedOnnx } from '../../../harness/checkpoints/openedOnnx';

const MICROSOFT = 'com.microsoft';
const HUGE = Number.MAX_SAFE_INTEGER;

const int8 = (name: string, dims: readonly number[]): Message =>
  rawTensor(name, dims, TYPE.INT8, new Uint8Array(dims.reduce((all, size) => all * size, 1)));
const scales = (name: string, dims: readonly number[]): Message =>
  scalesTensor(name, dims, new Array<number>(dims.reduce((all, size) => all * size, 1)).fill(1));

const call = (
  operator: string,
  inputs: readonly string[],
  integers: Readonly<Record<string, number>> = {},
  domain?: string,
): Message =>
  node(operator, {
    ...{ inputs, output: 'out', ...(domain !== undefined && { domain }) },
    attributes: Object.entries(integers).map(([name, value]) => intAttribute(name, value)),
  });

describe('onnx: damaged quantised weights', () => {
  const { open, openGraph } = openedOnnx();

  const W = int8('w', [4, 6]);
  const nBits = (change: Readonly<Record<string, number>> = {}): Message =>
    call('MatMulNBits', ['x', 'w', 's'], { K: 32, N: 2, bits: 4, block_size: 16, ...change }, MICROSOFT);
  const blob = rawTensor('w', [2, 2, 8], TYPE.UINT8, new Uint8Array(32));
  const gather = (change: Readonly<Record<string, number>> = {}): Message =>
    call('GatherBlockQuantized', ['w', 'ids', 's'], { bits: 4, block_size: 16, ...change }, MICROSOFT);
  const table = rawTensor('w', [2, 16], TYPE.UINT8, new Uint8Array(32));

  const contradictions: readonly [what: string, call: Message, initializers: readonly Message[], says: RegExp][] = [
    [
      'a scale of another length',
      call('DequantizeLinear', ['w', 's'], { axis: 0 }),
      [W, scales('s', [6])],
      /\[6\].*axis 0/,
    ],
    ['an axis that does not exist', call('DequantizeLinear', ['w', 's'], { axis: 9 }), [W, scales('s', [4])], /axis 9/],
    ['an axis before the first', call('DequantizeLinear', ['w', 's'], { axis: -9 }), [W, scales('s', [4])], /axis -7/],
    ['a huge axis', call('DequantizeLinear', ['w', 's'], { axis: HUGE }), [W, scales('s', [4])], /axis/],
    ['no scale', call('DequantizeLinear', ['w']), [W], /scale is no constant/],
    ['a scale that is computed', call('DequantizeLinear', ['w', 'y']), [W], /scale is no constant/],
    [
      'a zero point that is computed',
      call('DequantizeLinear', ['w', 's', 'y']),
      [W, scales('s', [])],
      /zero point is no/,
    ],
    ['a scale of integers', call('DequantizeLinear', ['w', 'i']), [W, int8('i', [])], /not a floating one/],
    ['an empty scale', call('DequantizeLinear', ['w', 's'], { axis: 0 }), [W, scales('s', [0])], /\[0\]/],
    [
      'a zero point of another shape',
      call('DequantizeLinear', ['w', 's', 'z'], { axis: 0 }),
      [W, scales('s', [4]), int8('z', [5])],
      /z has the shape \[5\]/,
    ],
    [
      'blocks of another number',
      call('DequantizeLinear', ['w', 's'], { axis: 1, block_size: 4 }),
      [W, scales('s', [4, 3])],
      /blocks of 4/,
    ],
    [
      'huge blocks',
      call('DequantizeLinear', ['w', 's'], { axis: 1, block_size: HUGE }),
      [W, scales('s', [4, 2])],
      /blocks of 9007199254740991/,
    ],
    [
      'a scale in a file that is missing',
      call('DequantizeLinear', ['w', 's']),
      [W, tensor('s', [], TYPE.FLOAT, external({ location: 'gone' }))],
      /scale is no constant/,
    ],
    [
      'MatMulNBits without sizes',
      call('MatMulNBits', ['x', 'w', 's'], {}, MICROSOFT),
      [blob, scales('s', [4])],
      /its N is missing/,
    ],
    ['MatMulNBits of no inputs', nBits({ K: 0 }), [blob, scales('s', [4])], /its K is 0/],
    ['MatMulNBits of −1 outputs', nBits({ N: -1 }), [blob, scales('s', [4])], /its N is -1/],
    ['MatMulNBits of huge outputs', nBits({ N: HUGE }), [blob, scales('s', [4])], /32 elements where/],
    ['MatMulNBits of huge inputs', nBits({ K: HUGE }), [blob, scales('s', [4])], /32 elements where/],
    ['MatMulNBits of huge blocks', nBits({ block_size: 2 ** 52 }), [blob, scales('s', [4])], /32 elements where/],
    [
      'MatMulNBits of 3 bits and huge sides',
      nBits({ bits: 3, K: HUGE, N: HUGE }),
      [blob, scales('s', [4])],
      /too large/,
    ],
    ['MatMulNBits of blocks of 0', nBits({ block_size: 0 }), [blob, scales('s', [4])], /block_size is 0/],
    ['MatMulNBits with too few scales', nBits(), [blob, scales('s', [3])], /s has 3 elements where 4/],
    [
      'MatMulNBits whose codes are words',
      nBits(),
      [rawTensor('w', [2, 2, 8], TYPE.INT32, new Uint8Array(128)), scales('s', [4])],
      /w has the element type I32, not U8/,
    ],
    [
      'MatMulNBits of zero points that are no bytes',
      call('MatMulNBits', ['x', 'w', 's', 'z'], { K: 32, N: 2, bits: 4, block_size: 16 }, MICROSOFT),
      [blob, scales('s', [4]), rawTensor('z', [2], TYPE.UINT4, new Uint8Array(1))],
      /z has the element type U4, not U8/,
    ],
    [
      'MatMulNBits of blocks that end inside a byte',
      nBits({ block_size: 1 }),
      [rawTensor('w', [2, 32, 1], TYPE.UINT8, new Uint8Array(64)), scales('s', [64])],
      /blocks of 1, which end inside a byte/,
    ],
    [
      'MatMulBnb4 whose codes are floats',
      call('MatMulBnb4', ['x', 'w', 's'], { K: 32, N: 2, block_size: 16, quant_type: 1 }, MICROSOFT),
      [scales('w', [32]), scales('s', [4])],
      /w has the element type F32, not U8/,
    ],
    [
      'GatherBlockQuantized whose codes are floats',
      gather(),
      [scales('w', [2, 16]), scales('s', [2, 2])],
      /w has the element type F32, not U8/,
    ],
    [
      'GatherBlockQuantized whose zero points are floats',
      call('GatherBlockQuantized', ['w', 'ids', 's', 'z'], { bits: 4, block_size: 16 }, MICROSOFT),
      [table, scales('s', [2, 2]), scales('z', [2, 1])],
      /z has the element type F32, and its codes U8/,
    ],
    [
      'MatMulBnb4 with too few codes',
      call('MatMulBnb4', ['x', 'w', 's'], { K: 32, N: 5, block_size: 16, quant_type: 1 }, MICROSOFT),
      [blob, scales('s', [10])],
      /32 elements where 80/,
    ],
    [
      'GatherBlockQuantized along the first axis',
      gather({ quantize_axis: 0 }),
      [table, scales('s', [2, 2])],
      /not the last/,
    ],
    ['GatherBlockQuantized of blocks of −1', gather({ block_size: -1 }), [table, scales('s', [2, 2])], /blocks of -1/],
    ['GatherBlockQuantized with too few scales', gather(), [table, scales('s', [2, 1, 1])], /s has the shape/],
    [
      'GatherBlockQuantized with zero points in one row',
      call('GatherBlockQuantized', ['w', 'ids', 's', 'z'], { bits: 4, block_size: 16 }, MICROSOFT),
      [table, scales('s', [2, 2]), rawTensor('z', [2], TYPE.UINT8, new Uint8Array(2))],
      /z has the shape \[2\] where \[2, 1\]/,
    ],
    [
      'GatherBlockQuantized of one axis',
      gather(),
      [rawTensor('w', [32], TYPE.UINT8, new Uint8Array(32)), scales('s', [4])],
      /no table/,
    ],
  ];
  for (const [what, operator, initializers, says] of contradictions) {
    it(`with ${what} list the parts and say why`, async () => {
      const { tensors, problems } = await openGraph([operator], initializers);
      assert.ok(tensors.some(({ name, encoding }) => name === 'w' && encoding === undefined));
      const told = problems.filter(({ tensor: about }) => about === 'w');
      assert.deepEqual(
        told.map(({ code }) => code),
        ['malformed'],
      );
      assert.match(told[0]!.message, says);
      assert.match(told[0]!.message, /is quantised, but/);
    });
  }

  for (const bits of [0, -4, 3, HUGE]) {
    it(`with codes of ${bits} bits cannot be read, and say so`, async () => {
      for (const [operator, codes, shape] of [
        [nBits({ bits }), blob, [2, 32]],
        [gather({ bits }), table, [2, 16]],
      ] as const) {
        const checkpoint = await openGraph([operator], [codes, scales('s', [2, 2])]);
        const [weight] = checkpoint.tensors;
        assert.deepEqual([weight!.name, weight!.shape], ['w', shape]);
        assert.match(weight!.unreadable!, new RegExp(`${bits} bits`));
        await assert.rejects(checkpoint.read(weight!), { name: 'CheckpointError', code: 'unsupported' });
      }
    });
  }

  it('with nodes that use one another in a circle are opened', async () => {
    const nodes = [
      node('Identity', { inputs: ['b'], output: 'a' }),
      node('Identity', { inputs: ['a'], output: 'b' }),
      node('Identity', { inputs: ['self'], output: 'self' }),
      node('Mul', { inputs: ['product', 'product'], output: 'product' }),
      node('Cast', { inputs: ['cast'], output: 'cast' }),
      ...['a', 'self', 'product', 'cast', 'dequantised'].map((name) =>
        node('DequantizeLinear', { inputs: [name, 's'], output: 'dequantised' }),
      ),
    ];
    const { tensors, problems } = await openGraph(nodes, [scales('s', [])]);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      tensors.map(({ name }) => name),
      ['s'],
    );
  });

  it('whose codes are their own zero points, or scales, are opened', async () => {
    const one = rawTensor('w', [2], TYPE.INT8, packed([3, 5], 8));
    const checkpoint = await openGraph(
      [call('DequantizeLinear', ['w', 's', 'w'], { axis: 0 }), call('DequantizeLinear', ['s', 's'])],
      [one, scales('s', [2])],
    );
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      ['w'],
    );
    const bytes = await checkpoint.read(checkpoint.tensors[0]!);
    assert.deepEqual([...new Float32Array(bytes.slice().buffer)], [0, 0]);
  });

  it('with five thousand contradictions keep a bounded list of them', async () => {
    const many = Array.from({ length: 5000 }, (_, i) => i);
    const { tensors, problems } = await openGraph(
      many.map((i) => node('DequantizeLinear', { inputs: [`w${i}`], output: `o${i}` })),
      many.map((i) => int8(`w${i}`, [2])),
    );
    assert.equal(tensors.length, 5000);
    assert.equal(problems.length, 1001);
  });

  it('with one weight that twenty thousand nodes use are opened', async () => {
    const nodes = new Array<Message>(20_000).fill(call('DequantizeLinear', ['w', 's']));
    const { tensors, problems } = await openGraph(nodes, [W, scales('s', [])]);
    assert.deepEqual([tensors.length, problems.length], [1, 0]);
  });

  it('with an attribute that is no integer, or two of one name, are opened', async () => {
    const attributes = [attribute('axis', bytesField(5, W)), intAttribute('axis', 0), intAttribute('axis', 1)];
    const { tensors } = await openGraph(
      [node('DequantizeLinear', { inputs: ['w', 's'], output: 'x', attributes })],
      [W, scales('s', [6])],
    );
    assert.deepEqual(
      tensors.map(({ name, encoding }) => [name, encoding?.name]),
      [['w', 'I8 per axis 1']],
    );
  });

  it('cut anywhere are opened or refused', async () => {
    const whole = runnableModel(
      graph({
        nodes: [call('DequantizeLinear', ['w', 's', 'z'], { axis: 0 }), nBits()],
        initializers: [W, scales('s', [4]), int8('z', [4]), blob],
      }),
    );
    for (let length = 0; length < whole.length; length++) {
      try {
        const checkpoint = await open(whole.subarray(0, length));
        for (const info of checkpoint.tensors) await checkpoint.read(info);
      } catch (error) {
        assert.equal((error as Error).name, 'CheckpointError', `cut at ${length}: ${String(error)}`);
      }
    }
  });
});
