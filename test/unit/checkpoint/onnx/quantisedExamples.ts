/** Parts of small models with one quantised weight, and the test that compares it with onnxruntime's own result. */
import assert from 'node:assert/strict';
import { openedOnnx } from '../../../harness/checkpoints/openedOnnx';
import { graph, intAttribute, type Message, node, runnableModel, TYPE } from '../../../harness/checkpoints/onnxWriter';
import { integers } from '../../../harness/checkpoints/quantisedFixtures';
import { onnxruntimeOutput, packed, rawTensor } from '../../../harness/onnxRun';

export const MICROSOFT = 'com.microsoft';

/** Scales that are no powers of two, so that products round. */
export const scalesOf = (count: number, seed: number): number[] =>
  integers(count, 900, seed).map((n) => (n + 37) / 4099);

/** Scales whose products with codes of 8 bits are whole multiples of 1/4. */
export const exactScales = (count: number, seed: number): number[] => integers(count, 3, seed).map((n) => 2 ** (n - 2));

export const bytesOf = (values: readonly number[]): Uint8Array => Uint8Array.from(values, (value) => value & 255);

export const product = (shape: readonly number[]): number => shape.reduce((all, size) => all * size, 1);

export interface Example {
  readonly what: string;
  readonly nodes: readonly Message[];
  readonly initializers: readonly Message[];
  /** Of the weight, which is called `w`. */
  readonly shape: readonly number[];
  readonly encoding: string;
  /** Tensors listed beside it. */
  readonly others?: readonly string[];
  /** The output's elements as the weight's; without it they are the weight. */
  readonly weight?: (output: ArrayLike<number>) => ArrayLike<number>;
  readonly outputType?: number;
}

/** `output` is cols × rows. */
export const transposed =
  (rows: number, cols: number) =>
  (output: ArrayLike<number>): number[] =>
    Array.from({ length: rows * cols }, (_, i) => output[(i % cols) * rows + Math.floor(i / cols)]!);

/** Element types of codes: how many bits they have, the least value, and the number that TensorProto gives them. */
const KINDS = {
  I8: { bits: 8, least: -128, type: TYPE.INT8 },
  U8: { bits: 8, least: 0, type: TYPE.UINT8 },
  I16: { bits: 16, least: -(2 ** 15), type: TYPE.INT16 },
  U16: { bits: 16, least: 0, type: TYPE.UINT16 },
  I4: { bits: 4, least: -8, type: TYPE.INT4 },
  U4: { bits: 4, least: 0, type: TYPE.UINT4 },
} as const;

export type Kind = keyof typeof KINDS;

export function codes(name: string, dims: readonly number[], kind: Kind, seed: number): Message {
  const { bits, least, type } = KINDS[kind];
  const values = integers(product(dims), 2 ** bits, seed).map((code) => code + least);
  return rawTensor(name, dims, type, packed(values, bits));
}

export function integerAttributes(values: Readonly<Record<string, number | undefined>>): Message[] {
  return Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [intAttribute(name, value)]));
}

/** Codes whose products with exact scales are codes again, so that what an operator makes of them is the weight. */
export function operator(
  name: string,
  inputs: readonly string[],
  domain?: string,
  attributes: Readonly<Record<string, number>> = {},
): Message {
  return node(name, { inputs, output: 'out', ...(domain && { domain }), attributes: integerAttributes(attributes) });
}

/** One test for each example: names, shape and encoding, then all elements and bands of rows, to the bit. */
export function testExamples(title: string, examples: readonly Example[]): void {
  describe(title, () => {
    const { open } = openedOnnx();

    for (const example of examples) {
      it(example.what, async () => {
        const { shape, encoding, nodes, initializers, others = [] } = example;
        const checkpoint = await open(runnableModel(graph({ nodes, initializers })));
        assert.deepEqual(checkpoint.problems, []);
        const names = checkpoint.tensors.map(({ name }) => name);
        assert.deepEqual(names.sort(), ['w', ...others].sort());
        const info = checkpoint.tensors.find(({ name }) => name === 'w')!;
        assert.deepEqual([info.shape, info.dtype, info.encoding?.name], [shape, 'F32', encoding]);
        const output = await onnxruntimeOutput(example, 'out', example.outputType);
        const expected = Float32Array.from(example.weight ? example.weight(output) : output);
        const read = async (rows?: { start: number; end: number }): Promise<Float32Array> =>
          new Float32Array((await checkpoint.read(info, rows)).slice().buffer);
        assert.deepEqual(await read(), expected);
        const [count] = shape as [number];
        const perRow = expected.length / count;
        for (const [start, end] of [
          [0, 0],
          [0, 1],
          [count - 1, count],
          [1, Math.ceil((2 * count) / 3)],
        ] as const) {
          const rows = `rows ${start} to ${end}`;
          assert.deepEqual(await read({ start, end }), expected.slice(start * perRow, end * perRow), rows);
        }
      });
    }
  });
}
