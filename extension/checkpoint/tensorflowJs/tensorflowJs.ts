/**
 * TensorFlow.js models, graph and layers models alike: `model.json` with a `weightsManifest`, and beside it the weight
 * files. Quantised weights are dequantised as they are read.
 *
 * @see https://github.com/tensorflow/tfjs/blob/master/tfjs-core/src/io/types.ts (`WeightsManifestConfig`)
 */
import type { Checkpoint, CheckpointFormat } from '../checkpoint';
import { elementSize } from '../elements/dtype';
import { FileSet } from '../files/fileSet';
import { jsonError, objectStart, readJsonFile } from '../files/jsonFile';
import { bandBytes } from '../elements/rowBand';
import type { RowSource } from '../elements/rowSource';
import { SourcedCheckpoint } from '../elements/sourcedCheckpoint';
import { DataFolders } from '../files/siblingPath';
import { readModelJson } from './tensorflowJsManifest';
import { dequantise } from './tensorflowJsWeights';
import { layOutGroup, MAX_STRINGS, type ModelPlace, type StreamedTensor } from './tensorflowJsGroup';
import { ProblemList } from '../problemList';

const FORMAT = 'tensorflow.js';

/** A graph model's topology holds small constants at most; real files stay below a few MB. */
const MAX_MODEL_BYTES = 100_000_000;

/** Keys that one of them stands near the beginning of every `model.json`. */
const KEYS = /"(modelTopology|weightsManifest|graph-model|layers-model)"/;

export const tensorflowJsFormat: CheckpointFormat = {
  name: FORMAT,
  matches: (_path, head) => objectStart(head) !== undefined && KEYS.test(Buffer.from(head).toString('latin1')),
  async open(modelPath, signal) {
    const files = new FileSet();
    try {
      return await openGroups(modelPath, files, signal);
    } catch (error) {
      await files.close();
      throw error;
    }
  },
};

async function openGroups(modelPath: string, files: FileSet, signal?: AbortSignal): Promise<Checkpoint> {
  const problems = new ProblemList(modelPath);
  const model = await files.use(modelPath, async (reader) => {
    const { json, start } = await readJsonFile(reader, MAX_MODEL_BYTES, signal);
    try {
      return readModelJson(json, start, modelPath, problems);
    } catch (error) {
      throw jsonError(error, modelPath, 'it');
    }
  });
  const tensors = new Map<string, StreamedTensor>();
  const weightFiles: string[] = [];
  const folders = await DataFolders.of(modelPath);
  const place: ModelPlace = { modelPath, folders, files, shards: new Map(), stringsLeft: MAX_STRINGS };
  for (const group of model.groups) {
    const laidOut = await layOutGroup(group, place, problems, signal);
    for (const file of laidOut.files) weightFiles.push(file);
    for (const tensor of laidOut.tensors) {
      if (!tensors.has(tensor.name)) tensors.set(tensor.name, tensor);
      else problems.add('malformed', 'the name occurs twice, and the first one is shown', { tensor: tensor.name });
    }
  }
  const existing = [...new Set(weightFiles)];
  return new SourcedCheckpoint(files.under(modelPath), {
    format: FORMAT,
    files: [modelPath, ...existing],
    weightFiles: existing.length,
    metadata: model.metadata,
    tensors: [...tensors.values()].map((info) => ({ info, source: sourceOf(info) })),
    problems: problems.list(),
  });
}

function sourceOf(tensor: StreamedTensor): RowSource {
  const { stream, offset: start, storedSize, quantization, dtype } = tensor;
  const scale = storedSize / elementSize(dtype);
  return {
    async readRows(rows, signal) {
      const band = bandBytes(tensor, rows);
      const bytes = await stream.read(start + band.offset * scale, band.length * scale, signal);
      return quantization ? dequantise(bytes, quantization, dtype) : bytes;
    },
  };
}
