/** A layout's steps in one process, without the run of a plan around them: what it would write, by path. */
import { compressionMatrix } from '../../../../extension/compression/compressionMatrix';
import { compressMatrix, type StoredLayer } from '../../../../extension/compression/compressMatrix';
import { factorLayout, rowsAreInputs } from '../../../../extension/compression/factorLayout';
import { orientedMatrix } from '../../../../extension/compression/layerElements';
import type { FloatDType } from '../../../../extension/compression/narrow';
import type { Layout, Piece, SavedWeight, SaveJob } from '../../../../extension/compression/writers/writer';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { openModel, type Model } from '../../../../extension/checkpoint/openModel';
import type { MeasuredLayer } from '../../../../extension/shared/compression/measured';
import type { CompressionPlan, LayerChoice } from '../../../../extension/shared/compression/plans';
import { writtenBytes } from '../../../harness/writtenBytes';

const kernels = loadKernels();
const signal = new AbortController().signal;

export interface LayoutRun {
  readonly choices: Readonly<Record<string, LayerChoice>>;
  readonly shardBytes?: number;
  /** Of new tensors; their own without. */
  readonly dtype?: FloatDType;
  /** What a quantised checkpoint would hold of a matrix, out × in; every input counts alike then. */
  readonly quantised?: (w: Float64Array) => Float64Array;
  /** Instead of what the method makes of a layer. */
  readonly compressed?: (weight: SavedWeight, made: StoredLayer) => StoredLayer;
  readonly twins?: Readonly<Record<string, readonly string[]>>;
}

/** @throws as the layout */
export async function runLayout(
  layout: Layout,
  modelPath: string,
  { choices, shardBytes = Infinity, dtype, quantised, compressed = (_, made) => made, twins = {} }: LayoutRun,
): Promise<{ files: Map<string, Buffer>; notes: readonly string[]; measured: readonly MeasuredLayer[] }> {
  const checkpoint = await openModel(modelPath);
  try {
    const weights = Object.entries(choices).map(([name, choice]) =>
      savedWeight(checkpoint, name, choice, twins[name] ?? [], dtype),
    );
    const job: SaveJob = {
      checkpoint,
      plan: {} as CompressionPlan,
      weights,
      leftOut: new Set(),
      shardBytes,
      note: { made: 'in a test' },
    };
    const prepared = await layout.prepare(job, signal);
    const pieces: Piece[] = [];
    const contents = new Map<string, Uint8Array>();
    for (const weight of weights) {
      const form = prepared.form === 'adapter' ? 'adapter' : 'parts';
      const made = await compressedLayer(checkpoint, weight, quantised, form);
      const replaced = await prepared.replace(weight, compressed(weight, made), signal);
      const planned = prepared.plannedBytes?.(weight);
      const written = replaced.tensors.reduce((sum, { bytes }) => sum + bytes.length, 0);
      if (planned !== undefined && planned !== written) {
        throw new Error(`${weight.layer}: ${written} bytes, and ${planned} were planned`);
      }
      pieces.push({ ...replaced, of: weight.layer, measured: [made.measured] });
      for (const { name, bytes } of replaced.tensors) contents.set(`${weight.layer}\n${name}`, bytes);
    }
    const files = new Map<string, Buffer>();
    for (const file of await prepared.files(pieces, signal)) {
      const reader = {
        read: (piece: string, tensor: string, start?: number, end?: number) =>
          Promise.resolve(contents.get(`${piece}\n${tensor}`)!.slice(start, end)),
      };
      const content = await writtenBytes((append) => file.write(append, reader, signal));
      if (content.length !== file.bytes) throw new Error(`${file.path}: ${content.length} bytes, not ${file.bytes}`);
      if (files.has(file.path)) throw new Error(`${file.path} would be written twice`);
      files.set(file.path, content);
    }
    const measured = pieces.flatMap((piece) => piece.measured as readonly MeasuredLayer[]);
    return { files, notes: prepared.notes(pieces), measured };
  } finally {
    await checkpoint.close();
  }
}

function savedWeight(
  { tensors }: Model,
  layer: string,
  choice: LayerChoice,
  twins: readonly string[],
  dtype: FloatDType | undefined,
): SavedWeight {
  const [, name, expert] = /^(.*?)(?:\[(\d+)\])?$/.exec(layer)!;
  const tensor = tensors.find((each) => each.name === name)!;
  const of = expert === undefined ? undefined : Number(expert);
  const matrix = compressionMatrix(tensor.shape, tensor.kernelLayout, of);
  const transposed = rowsAreInputs(tensor, matrix, tensors);
  const [outputs, inputs] = transposed ? [matrix.cols, matrix.rows] : [matrix.rows, matrix.cols];
  return {
    ...{ layer, tensor, matrix, choice, outputs, inputs, transposed, twins },
    dtype: dtype ?? (tensor.dtype as FloatDType),
    ...(of === undefined ? { factors: factorLayout(tensor, matrix, tensors) } : { expert: of }),
  };
}

async function compressedLayer(
  checkpoint: Model,
  weight: SavedWeight,
  quantised: LayoutRun['quantised'],
  form: 'parts' | 'adapter',
): Promise<StoredLayer> {
  const { layer, tensor, matrix, transposed, choice, dtype, expert } = weight;
  const rows = expert === undefined ? undefined : { start: expert, end: expert + 1 };
  const bytes = await checkpoint.read(tensor, rows, signal);
  const stored = { layer, bytes, dtype: tensor.dtype, rows: matrix.rows, cols: matrix.cols };
  const poll = (): void => undefined;
  const oriented = orientedMatrix(stored, transposed, poll);
  const input = { layer, storedBytes: bytes.length, ...oriented };
  const base = quantised && { quantised: quantised(oriented.w) };
  const statistics = base ? { squareMean: new Float64Array(oriented.inputs).fill(1) } : {};
  return compressMatrix({ ...input, ...base }, choice, statistics, dtype, { kernels, poll }, form);
}
