/** Saves an ONNX model with pairs in place of weights, as the run of a plan does, and runs models for comparison. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compressionMatrix } from '../../../extension/compression/compressionMatrix';
import { compressMatrix, type StoredLayer } from '../../../extension/compression/compressMatrix';
import { factorLayout } from '../../../extension/compression/factorLayout';
import { orientedMatrix } from '../../../extension/compression/layerElements';
import type { FloatDType } from '../../../extension/compression/narrow';
import { onnxLayout } from '../../../extension/compression/writers/onnx/onnxWriter';
import type { Layout, Piece, SavedWeight, SaveJob } from '../../../extension/compression/writers/writer';
import type { Model } from '../../../extension/checkpoint/openModel';
import { openModel } from '../../../extension/checkpoint/openModel';
import { loadKernels } from '../../../extension/linalg/kernels/loadKernels';
import type { CompressionPlan, LayerChoice } from '../../../extension/shared/compression/plans';
import type { LayerStatistics } from '../../../extension/shared/compression/statistics';
import { writtenBytes } from '../writtenBytes';

const tools = { kernels: loadKernels(), poll: () => undefined };
const { signal } = new AbortController();

/** As the run of a plan describes a weight. */
export function savedWeight({ tensors }: Model, layer: string, choice: LayerChoice): SavedWeight {
  const tensor = tensors.find(({ name }) => name === layer)!;
  const matrix = compressionMatrix(tensor.shape, tensor.kernelLayout);
  const factors = factorLayout(tensor, matrix, tensors);
  const transposed = factors.first === 'left';
  const [outputs, inputs] = transposed ? [matrix.cols, matrix.rows] : [matrix.rows, matrix.cols];
  const dtype = tensor.dtype as FloatDType;
  const twins = tensors.filter(({ sharedWith }) => sharedWith === layer).map(({ name }) => name);
  return { layer, tensor, matrix, choice, dtype, outputs, inputs, transposed, factors, twins };
}

export async function compressed(
  model: Model,
  { layer, tensor, matrix, choice, transposed, dtype }: SavedWeight,
  statistics: LayerStatistics = {},
): Promise<StoredLayer> {
  const { rows, cols } = matrix;
  const bytes = await model.read(tensor);
  const oriented = orientedMatrix({ layer, bytes, dtype: tensor.dtype, rows, cols }, transposed, () => undefined);
  return compressMatrix({ layer, ...oriented, storedBytes: tensor.byteLength }, choice, statistics, dtype, tools);
}

export function jobOf(checkpoint: Model, weights: readonly SavedWeight[]): SaveJob {
  const plan = {} as CompressionPlan; // the layout takes its layers from the weights
  return { checkpoint, plan, weights, leftOut: new Set(), shardBytes: 1e9, note: { method: 'test' } };
}

/**
 * Saves the model at `source` into `folder`.
 *
 * @param choose what each layer with a matrix becomes; undefined for one that stays dense
 * @param bias is added to the outputs of each
 * @param onnx the layout
 * @returns the path of the saved model, and the layers that were compressed
 */
export async function saveOnnx(
  source: string,
  folder: string,
  choose: (weight: SavedWeight) => LayerChoice | undefined,
  statistics: (layer: string) => LayerStatistics = () => ({}),
  bias?: Float64Array,
  onnx: Layout = onnxLayout,
): Promise<{ file: string; layers: string[]; stored: StoredLayer[] }> {
  const model = await openModel(source);
  try {
    const weights = model.tensors.flatMap((tensor) => {
      if (tensor.sharedWith !== undefined || tensor.shape.length < 2 || !/^B?F/.test(tensor.dtype)) return [];
      const weight = savedWeight(model, tensor.name, { method: 'svd', rank: 1 });
      const choice = choose(weight);
      return choice ? [{ ...weight, choice }] : [];
    });
    const layout = await onnx.prepare(jobOf(model, weights), signal);
    const bytes = new Map<string, Uint8Array>();
    const pieces: Piece[] = [];
    const stored: StoredLayer[] = [];
    for (const weight of weights) {
      const each = { ...(await compressed(model, weight, statistics(weight.layer))), ...(bias && { bias }) };
      stored.push(each);
      const { tensors, ...rest } = await layout.replace(weight, each, signal);
      for (const tensor of tensors) bytes.set(`${weight.layer}\n${tensor.name}`, tensor.bytes);
      const headers = tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
      pieces.push({ ...rest, of: weight.layer, tensors: headers, measured: [] });
    }
    for (const file of await layout.files(pieces, signal)) {
      const target = path.join(folder, file.path);
      mkdirSync(path.dirname(target), { recursive: true });
      const read = (piece: string, tensor: string): Promise<Uint8Array> =>
        Promise.resolve(bytes.get(`${piece}\n${tensor}`)!);
      const content = await writtenBytes((append) => file.write(append, { read }, signal));
      if (content.length !== file.bytes) throw new Error(`${file.path}: ${content.length} bytes, not ${file.bytes}`);
      writeFileSync(target, content);
    }
    return { file: path.join(folder, path.basename(source)), layers: weights.map(({ layer }) => layer), stored };
  } finally {
    await model.close();
  }
}
