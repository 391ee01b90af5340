/** Files of weights in parts, as the product stores them: one weight for each kind, and sums of several. */
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import type { FloatDType } from '../../../../extension/compression/narrow';
import { partOperations, storePart } from '../../../../extension/compression/parts/registry';
import { quantiseBlocks } from '../../../../extension/compression/quantisers/quantiseBlocks';
import { QUANTISERS } from '../../../../extension/shared/compression/methodOptions';
import { PARTS_KEY, type Part, type PartsWeight } from '../../../../extension/shared/compression/parts';
import { randomMatrix } from '../../../harness/numbers/denseReference';
import { safetensorsBytes, type FixtureTensor } from '../../../harness/checkpoints/safetensorsFixtures';
import { transpose } from '../../../../extension/linalg/kernels/transpose';

const OUTPUTS = 6;
const INPUTS = 20;
const SIZE = { outputs: OUTPUTS, inputs: INPUTS };

const indices = (...values: number[]): Uint32Array => Uint32Array.from(values);

/** Parts of a 6 × 20 matrix, by what they are called in the tests. */
export function exampleParts(): Readonly<Record<string, readonly Part[]>> {
  const w = randomMatrix(OUTPUTS, INPUTS, 7);
  const product: Part = { kind: 'product', rank: 2, left: randomMatrix(6, 2, 1), right: randomMatrix(2, 20, 2) };
  const columns: Part = { kind: 'columns', indices: indices(3, 19), values: randomMatrix(6, 2, 3) };
  const sparse: Part = {
    kind: 'sparse',
    rows: indices(0, 0, 2, 5),
    columns: indices(0, 19, 7, 3),
    values: randomMatrix(1, 4, 4),
  };
  const quantised = Object.fromEntries(
    QUANTISERS.map((quantiser) => {
      const options = { quantiser, bits: 3, block: 8 } as const;
      return [quantiser, [quantiseBlocks({ w, ...SIZE }, options, { layer: 'w', poll: () => undefined })]] as const;
    }),
  );
  return {
    ...{ product: [product], columns: [columns], sparse: [sparse], ...quantised },
    dct: [{ kind: 'dct', indices: indices(0, 1, 17, 19), coefficients: randomMatrix(6, 4, 5) }],
    'tensor-train': [
      {
        kind: 'tensor-train',
        ...{ rowSizes: [1, 3, 2], columnSizes: [2, 5, 2], bonds: [1, 2, 3, 1] },
        cores: [randomMatrix(1, 4, 8), randomMatrix(2, 45, 9), randomMatrix(3, 4, 10)],
      },
    ],
    dictionary: [
      {
        kind: 'dictionary',
        ...{ size: 10, nonzeros: 2 },
        dictionary: randomMatrix(10, 20, 11),
        atoms: indices(0, 9, 1, 2, 0, 8, 3, 7, 4, 5, 8, 9),
        values: randomMatrix(6, 2, 12),
      },
    ],
    cur: [
      {
        kind: 'cur',
        ...{ columnIndices: indices(1, 4, 11), rowIndices: indices(0, 5) },
        ...{ columns: randomMatrix(6, 3, 13), core: randomMatrix(3, 2, 14), rows: randomMatrix(2, 20, 15) },
      },
    ],
    sum: [quantised['nf4']![0], product, columns, sparse],
  };
}

export interface PartsFile {
  readonly tensors: readonly FixtureTensor[];
  readonly weights: Readonly<Record<string, PartsWeight>>;
  /** Elements of each weight as it is shown, row-major in its own shape. */
  readonly dense: Readonly<Record<string, Float64Array>>;
}

/**
 * Every example as `<name>.weight`, 6 × 20, and as `<name>.turned`, stored in × out.
 *
 * @param turnedShape of what is stored in × out
 */
export function partsOfAllKinds(dtype: FloatDType, turnedShape: readonly number[] = [INPUTS, OUTPUTS]): PartsFile {
  const kernels = loadKernels();
  const tensors: FixtureTensor[] = [];
  const weights: Record<string, PartsWeight> = {};
  const dense: Record<string, Float64Array> = {};
  for (const [example, parts] of Object.entries(exampleParts())) {
    for (const transposed of [false, true]) {
      const name = `${example}.${transposed ? 'turned' : 'weight'}`;
      const sum = new Float64Array(OUTPUTS * INPUTS);
      const entries = parts.map((part, index) => {
        const stored = storePart(part, SIZE, dtype);
        partOperations(part.kind).addTo(sum, stored.part, SIZE, kernels);
        const named = stored.fields.map(({ field }) => [field, `${name}.${part.kind}${index}.${field}`] as const);
        for (const { field, dtype: type, shape, bytes } of stored.fields) {
          tensors.push({ name: `${name}.${part.kind}${index}.${field}`, dtype: type, shape: [...shape], bytes });
        }
        return { kind: part.kind, tensors: Object.fromEntries(named), values: stored.values };
      });
      const shape = transposed ? turnedShape : [OUTPUTS, INPUTS];
      weights[name] = { shape, dtype: 'F32', transposed, parts: entries };
      dense[name] = transposed ? transpose(sum, OUTPUTS, INPUTS) : sum;
    }
  }
  return { tensors, weights, dense };
}

export function partsFileBytes({ tensors, weights }: Pick<PartsFile, 'tensors' | 'weights'>): Buffer {
  return safetensorsBytes(tensors, { format: 'pt', [PARTS_KEY]: JSON.stringify({ version: 1, weights }) });
}
