/** TensorFlow Lite: every number of a FlatBuffer, and tables that are many times the same. */
import { FIELD_LIST, int, numbers, table, tables, type Node } from '../../harness/checkpoints/flatbufferWriter';
import {
  float32,
  floatTensor,
  OPERATOR,
  quantisation,
  sparsity,
  tfliteFile,
  tfliteNumbers,
  TYPE,
  type WrittenLevel,
  type WrittenModel,
  type WrittenTensor,
} from '../../harness/checkpoints/tfliteWriter';
import { made } from '../source';
import { SMALL_TFLITE } from '../tensorflowSources';
import type { Corpus, SpecialCase } from './corpus';

const SMALL = 'small.tflite';

/** More than are kept. */
const MANY = 200_000;

export function tfliteCorpus(): readonly Corpus[] {
  // All field lists are read alike: every fourth number of them is enough.
  const fields = tfliteNumbers(SMALL_TFLITE)
    .filter(({ name, at }) => name !== FIELD_LIST || at % 8 === 0)
    .map((number) => ({ ...number, encoding: 'little-endian' as const }));
  return [
    {
      source: made(SMALL, () => tfliteFile(SMALL_TFLITE)),
      fields: { [SMALL]: () => fields },
      special: specialCases(),
    },
  ];
}

function specialCases(): SpecialCase[] {
  const w = floatTensor('w', [2, 2], [1, 2, 3, 4]);
  const file = (name: string, model: () => WrittenModel, more: Partial<SpecialCase> = {}): SpecialCase => ({
    name,
    file: SMALL,
    bytes: () => tfliteFile(model()),
    ...more,
  });
  const tensors = (...written: WrittenTensor[]): WrittenModel => ({ subgraphs: [{ tensors: [w, ...written] }] });
  /** One subgraph and three buffers, as tables. */
  const subgraphs = (nodes: readonly Node[]): WrittenModel => ({ ...tensors(), fields: { 2: tables(nodes) } });
  const many = (node: Node, count = MANY): Node[] => new Array<Node>(count).fill(node);
  const plain = table({ 0: numbers([2, 2]), 2: int(1, 4) });
  const named = (length: number): Node =>
    table({
      2: int(1, 4),
      0: numbers([2, 2]),
      3: { kind: 'vector', count: length, bytes: Buffer.alloc(length, 97), align: 4 },
    });
  const large = { length: 2 ** 36 };
  const vector = (count: number): Node => ({ kind: 'vector', count, bytes: Buffer.alloc(0), align: 4 });
  const sparse = (shape: number[], ...stored: Parameters<typeof sparsity>): WrittenModel =>
    tensors({ ...floatTensor('s', shape, [1, 2]), sparsity: sparsity(...stored) });
  const level = (segments: number[], indices: number[]): WrittenLevel => ({ segments, indices });
  const read = { harmless: true } as const; // told where it is read
  return [
    file('10⁹ tensors in a large file', () => subgraphs([table({ 0: vector(10 ** 9) })]), large),
    file('10⁹ operators in a large file', () => subgraphs([table({ 3: vector(10 ** 9) })]), large),
    file('10⁹ subgraphs in a large file', () => ({ ...tensors(), fields: { 2: vector(10 ** 9) } }), large),
    file('10⁹ kinds of operators in a large file', () => ({ ...tensors(), fields: { 1: vector(10 ** 9) } }), large),
    file('10⁹ buffers in a large file', () => ({ ...tensors(), fields: { 4: vector(10 ** 9) } }), large),
    file(
      'a name of 2³⁰ bytes in a large file',
      () => subgraphs([table({ 0: tables([table({ 0: numbers([2, 2]), 2: int(1, 4), 3: vector(2 ** 30) })]) })]),
      large,
    ),
    file(
      'a shape of 10⁹ axes in a large file',
      () => subgraphs([table({ 0: tables([table({ 0: vector(10 ** 9), 2: int(1, 4) })]) })]),
      large,
    ),
    file('one tensor 200 000 times', () => subgraphs([table({ 0: tables(many(plain)) })])),
    file('one tensor with a long name 200 000 times', () => subgraphs([table({ 0: tables(many(named(8000))) })])),
    file('one subgraph of 1000 tensors 1000 times', () =>
      subgraphs(many(table({ 0: tables(many(plain, 1000)) }), 1000)),
    ),
    file('one operator 500 000 times', () => {
      const operator = table({ 0: int(0, 4), 1: numbers(new Array<number>(60_000).fill(0)) });
      return {
        subgraphs: [{ tensors: [w], operators: [{ code: OPERATOR.CONV_2D, inputs: [0] }] }],
        fields: { 2: tables([table({ 0: tables([plain]), 3: tables(many(operator, 500_000)) })]) },
      };
    }),
    file(
      'operators that convert in a circle',
      () => {
        const convert = (from: number, to: number) => ({ code: OPERATOR.DEQUANTIZE, inputs: [from], outputs: [to] });
        const operators = [convert(0, 1), convert(1, 0), { code: OPERATOR.CONV_2D, inputs: [0, 1] }];
        return { subgraphs: [{ tensors: [w, { ...w, bytes: float32([1, 2, 3, 4]) }], operators }] };
      },
      read,
    ),
    file('one name 20 000 times', () => tensors(...new Array<WrittenTensor>(20_000).fill(w)), read),
    file('a tensor in a buffer that is not there', () =>
      tensors({ name: 'x', shape: [1], type: TYPE.F32, buffer: 77 }),
    ),
    ...[2n ** 63n, 2n ** 64n - 1n, 2n ** 40n].map((offset) =>
      file(`a buffer at byte ${offset}`, () => ({
        ...tensors(),
        fields: { 4: tables([table({}), table({ 1: int(offset, 8), 2: int(16, 8) })]) },
      })),
    ),
    file('a shape whose product is beyond all numbers', () =>
      tensors({ name: 'x', shape: [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1], type: TYPE.F32, bytes: float32([1]) }),
    ),
    file('a negative size', () =>
      tensors({ name: 'x', shape: [-1, -4], type: TYPE.F32, bytes: float32([1, 2, 3, 4]) }),
    ),
    file(
      'scales in blocks that are the weight itself',
      () =>
        tensors({
          name: 'x',
          shape: [2, 2],
          type: TYPE.I8,
          bytes: Uint8Array.of(1, 2, 3, 4),
          quantisation: quantisation({
            details: { type: 2, value: table({ 0: int(1, 4), 1: int(1, 4), 2: int(1, 4) }) },
          }),
        }),
      read,
    ),
    file(
      'a scale for each of 10⁹ channels in a large file',
      () =>
        tensors({
          name: 'x',
          shape: [1],
          type: TYPE.I8,
          bytes: Uint8Array.of(1),
          quantisation: table({ 2: vector(10 ** 9) }),
        }),
      large,
    ),
    file('sparse levels without end in a large file', () => sparse([2 ** 30, 2], [0, 1], [2 ** 30, 2]), {
      ...large,
      ...read,
    }),
    file('sparse indices outside of their axis', () => sparse([2, 2], [0, 1], [2, level([0, 1, 2], [0, 9])]), read),
    file('sparse segments that go back', () => sparse([3, 2], [0, 1], [3, level([0, 2, 0, 2], [0, 1])]), read),
    file('sparse levels in no order', () => sparse([2, 2], [0, 0], [2, level([0, 1, 2], [0, 1])])),
    file('sparse blocks of nothing', () => sparse([2, 2], [0, 1, 2], [2, 1, 0], [1])),
    file(
      '2³⁰ sparse indices in a large file',
      () => ({
        ...tensors({
          name: 'x',
          shape: [2, 2 ** 30],
          type: TYPE.I8,
          bytes: Uint8Array.of(1),
          sparsity: table({
            0: numbers([0, 1]),
            2: tables([
              table({ 1: int(2, 4) }),
              table({
                0: int(1, 1),
                2: int(1, 1),
                3: table({ 0: numbers([0, 1, 2 ** 30]) }),
                4: int(1, 1),
                5: table({ 0: vector(2 ** 30) }),
              }),
            ]),
          }),
        }),
      }),
      { ...large, ...read },
    ),
  ];
}
