/** ONNX models, and those whose data lie in other files. */
import * as onnx from '../../harness/checkpoints/onnxWriter';
import { externalOnnx, smallOnnx } from '../onnxSources';
import { made } from '../source';
import type { Corpus, SpecialCase } from './corpus';
import { OUTSIDE_PATHS } from './outsidePaths';
import { protobufFields, type MessageFields } from './protobufFields';

const SMALL = 'small.onnx';
const EXTERNAL = 'model.onnx';

const tensor: MessageFields = { 13: {} };
const graph: { [field: number]: MessageFields } = { 5: tensor };
graph[1] = { 5: { 5: tensor, 6: graph } };
const model: MessageFields = { 7: graph, 8: {} };

const fields = (bytes: Buffer) => protobufFields(bytes, model);

export function onnxCorpus(): readonly Corpus[] {
  return [
    { source: made(SMALL, smallOnnx), fields: { [SMALL]: fields }, special: graphCases() },
    { source: externalOnnx(), fields: { [EXTERNAL]: fields }, special: externalCases() },
  ];
}

function graphCases(): SpecialCase[] {
  const file = (name: string, bytes: () => Uint8Array): SpecialCase => ({ name, file: SMALL, bytes });
  const w = onnx.floatTensor('w', [1]);
  const repeated = (message: Uint8Array, times: number): Uint8Array =>
    onnx.model(Buffer.concat(new Array<Uint8Array>(times).fill(onnx.bytesField(5, message))));
  const shaped = (...dims: (number | bigint)[]): Uint8Array =>
    onnx.model(
      onnx.graph({
        initializers: [
          onnx.concat(
            ...dims.map((size) => onnx.varintField(1, size)),
            onnx.varintField(2, 1),
            onnx.bytesField(8, 'w'),
          ),
        ],
      }),
    );
  return [
    { ...file('one name 50 000 times', () => repeated(w, 50_000)), harmless: true },
    file('a name of 10 MB', () => onnx.model(onnx.graph({ initializers: [onnx.floatTensor('a.'.repeat(5e6), [1])] }))),
    file('a million entries of metadata', () => {
      const entry = (i: number): Uint8Array =>
        onnx.bytesField(14, onnx.concat(onnx.bytesField(1, `k${i}`), onnx.bytesField(2, 'v')));
      const entries = Array.from({ length: 1e6 }, (_, i) => entry(i));
      return Buffer.concat([onnx.model(onnx.graph({ initializers: [w] })), ...entries]);
    }),
    file('300 000 tensors', () => repeated(w, 300_000)),
    file('100 000 broken tensors', () => repeated(Uint8Array.of(2 * 8 + 3), 100_000)),
    file('graphs in graphs, 1500 deep', () => {
      let nested = onnx.graph({ initializers: [w] });
      for (let depth = 0; depth < 1500; depth++) {
        const branch = onnx.attribute('then_branch', onnx.bytesField(6, nested));
        nested = onnx.graph({ nodes: [onnx.node('If', { attributes: [branch] })] });
      }
      return onnx.model(nested);
    }),
    file('groups in groups', () => new Uint8Array(1_000_000).fill(7 * 8 + 3)),
    file('a tensor of 10⁹ elements and no bytes', () => shaped(1e9)),
    file('a tensor of 2⁶² elements', () => shaped(2n ** 31n, 2n ** 31n)),
    file('a tensor of −1 elements', () => shaped(-1)),
    file('a tensor of 1000 axes', () => shaped(...Array<number>(1000).fill(1))),
    {
      ...file('a graph of 2³⁵ bytes', () => onnx.lyingField(7, 2n ** 35n, onnx.graph({ initializers: [w] }))),
      length: 2 ** 36,
    },
  ];
}

function externalCases(): SpecialCase[] {
  const file = (name: string, entries: Readonly<Record<string, string>>): SpecialCase => ({
    name,
    file: EXTERNAL,
    bytes: () =>
      onnx.model(onnx.graph({ initializers: [onnx.tensor('a', [4, 4], onnx.TYPE.FLOAT, onnx.external(entries))] })),
  });
  const location = 'model.onnx_data';
  const numbers = ['-1', '1e9', '0x10', '', ' 4', '9007199254740993', '18446744073709551615', '65'];
  return [
    ...OUTSIDE_PATHS.map((place) => file(`data at ${JSON.stringify(place)}`, { location: place })),
    file('data in a folder', { location: '.' }),
    file('data without a location', { offset: '0' }),
    { ...file('a model that is its own data', { location: EXTERNAL, length: '64' }), harmless: true },
    ...numbers.map((offset) => file(`data at the offset "${offset}"`, { location, offset, length: '64' })),
    ...numbers.map((length) => file(`data of the length "${length}"`, { location, length })),
  ];
}
