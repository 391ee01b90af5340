/** A checkpoint as the table shows it: everything known from headers alone. */
import type { Checkpoint } from '../../checkpoint/checkpoint';
import { elementSize } from '../../checkpoint/elements/dtype';
import { outputIsTied } from '../../checkpoint/wrappers/tiedEmbeddings';
import { problemsOf } from '../../checkpoint/truncatedFile';
import { weightFilesOf } from '../../checkpoint/wrappedCheckpoint';
import type { CheckpointSummary, TensorSummary } from '../../shared/tensors';
import { layersOf } from '../../spectral/matrices';
import { guessArchitecture } from './architecture';
import { versionOf, type FileState } from './fileSnapshot';
import type { ModelConfig } from '../../checkpoint/modelConfig';

/**
 * Longest value of the metadata that is shown, in characters: tokenizers and configurations that files carry are
 * longer.
 */
const MAX_VALUE_SHOWN = 65_536;

/** @param document the handle the summary carries */
export function summarise(
  checkpoint: Checkpoint,
  document: string,
  files: readonly FileState[],
  { fields, tied }: Pick<ModelConfig, 'fields' | 'tied'>,
): CheckpointSummary {
  const byDtype = new Map<string, number>();
  let parameters = 0;
  let bytes = 0;
  const optimizer = { tensors: 0, bytes: 0 };
  const beside = { tensors: 0, bytes: 0 };
  const shapes = new Map(checkpoint.tensors.map(({ name, shape }) => [name, shape]));
  const tensors = checkpoint.tensors.map((tensor): TensorSummary => {
    // What is not stored is no further parameter.
    const isMade = tensor.product !== undefined || tensor.madeOf !== undefined;
    const count = isMade ? 0 : tensor.byteLength / elementSize(tensor.dtype);
    const { layers, noSpectrum } = layersOf(tensor, (name) => shapes.get(name));
    const stored = tensor.encoding?.byteLength ?? tensor.byteLength;
    const type = tensor.encoding?.name ?? tensor.dtype;
    if (tensor.notModel !== undefined) {
      const total = tensor.notModel === 'optimizer state' ? optimizer : beside;
      total.tensors += 1;
      total.bytes += stored;
    } else if (tensor.sharedWith === undefined) {
      parameters += count;
      bytes += stored;
      if (!isMade) byDtype.set(type, (byDtype.get(type) ?? 0) + count);
    }
    return {
      name: tensor.name,
      ...(tensor.alias !== undefined && { alias: tensor.alias }),
      group: tensor.group,
      shape: [...tensor.shape],
      dtype: tensor.dtype,
      ...(tensor.encoding && { encoding: tensor.encoding.name }),
      parameters: count,
      bytes: stored,
      layers: layers.map(({ name }) => name),
      ...(noSpectrum !== undefined && { noSpectrum }),
      ...(tensor.sharedWith !== undefined && { sharedWith: tensor.sharedWith }),
      ...(tensor.notModel !== undefined && { notModel: tensor.notModel }),
    };
  });
  return {
    document,
    path: checkpoint.path,
    format: checkpoint.format,
    files: [...checkpoint.files],
    version: versionOf(files),
    weightFiles: weightFilesOf(checkpoint),
    parameters,
    bytes,
    ...(optimizer.tensors > 0 && { optimizer }),
    ...(beside.tensors > 0 && { beside }),
    architecture: guessArchitecture(checkpoint.tensors, fields, checkpoint.metadata, outputIsTied(checkpoint, tied)),
    dtypes: [...byDtype]
      .map(([dtype, count]) => ({ dtype, parameters: count }))
      .sort((a, b) => b.parameters - a.parameters),
    metadata: shownMetadata(checkpoint.metadata),
    tensors,
    problems: problemsOf(checkpoint, new Map(files.map(({ file, size }) => [file, size]))),
  };
}

/** Values are texts of the file's choice: one of 90 MB would stop the page that shows it. */
function shownMetadata(metadata: Checkpoint['metadata']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).map(([key, value]) => {
      const cut = value.length > MAX_VALUE_SHOWN;
      return [key, cut ? `${value.slice(0, MAX_VALUE_SHOWN)}… (${value.length} characters)` : value];
    }),
  );
}
