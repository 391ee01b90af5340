/**
 * TensorFlow's graphs as files: a SavedModel (`saved_model.pb`, its variables in a checkpoint below it) and a frozen graph
 * (`frozen_inference_graph.pb`), whose weights are constants.
 *
 * @see https://www.tensorflow.org/guide/saved_model#the_savedmodel_format_on_disk
 */
import path from 'node:path';
import { SAVED_MODEL, TENSORFLOW_VARIABLES } from '../../shared/names/checkpointNames';
import { type Checkpoint, type CheckpointFormat, type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { groupedNames } from '../elements/groupedNames';
import { contiguousStrides } from '../elements/shape';
import { FileReader } from '../files/fileReader';
import { FileSet } from '../files/fileSet';
import { TypedDataReader } from '../containers/protobufNumbers';
import { ProblemList } from '../problemList';
import { ProtobufReader } from '../containers/protobufReader';
import { ViewSource, type ReadRange } from '../elements/rowSource';
import { SourcedCheckpoint, type SourcedContents, type SourcedTensor } from '../elements/sourcedCheckpoint';
import { openBundle } from './tensorBundle';
import { GraphConstants, type GraphConstant } from './tensorflowGraph';
import { isQuantised, tensorflowType } from './tensorflowTypes';

const VARIABLES = path.join('variables', TENSORFLOW_VARIABLES);

/** A node, its name, and the name of its operation, each behind its length. */
const GRAPH = new RegExp(
  String.raw`^\n[^]{1,3}\n([\x01-\x7f]|[\x80-\xff][\x01-\x1f])[\w.>][\w.>\\/-]*\x12[\x01-\x7f][A-Z_]\w`,
);

const SAVED = 'tensorflow savedmodel';

export const savedModelFormat: CheckpointFormat = {
  name: SAVED,
  matches: (file) => path.basename(file).toLowerCase() === SAVED_MODEL,
  async open(file, signal) {
    return (await openVariables(file, signal)) ?? openConstants(file, SAVED, signal);
  },
};

export const frozenGraphFormat: CheckpointFormat = {
  name: 'tensorflow graph',
  matches: (_file, head) => GRAPH.test(Buffer.from(head).toString('latin1')),
  open: (file, signal) => openConstants(file, 'tensorflow graph', signal),
};

/** The checkpoint of a SavedModel's variables; undefined where it has none. */
async function openVariables(file: string, signal?: AbortSignal): Promise<Checkpoint | undefined> {
  const files = new FileSet();
  try {
    const index = path.join(path.dirname(file), VARIABLES);
    const checkpoint = await openBundle(index, { path: file, format: SAVED }, files, signal);
    if (checkpoint.tensors.length > 0 || checkpoint.problems.length > 0) return checkpoint;
    await checkpoint.close();
  } catch (error) {
    await files.close();
    if (!(error instanceof CheckpointError) || error.code !== 'not-found') throw error;
  }
  return undefined;
}

async function openConstants(file: string, format: string, signal?: AbortSignal): Promise<Checkpoint> {
  const reader = await FileReader.open(file);
  try {
    return new SourcedCheckpoint(reader, await readContents(reader, format, signal));
  } catch (error) {
    await reader.close();
    throw error;
  }
}

async function readContents(reader: FileReader, format: string, signal?: AbortSignal): Promise<SourcedContents> {
  const problems = new ProblemList(reader.path);
  const graph = new GraphConstants(new ProtobufReader(reader, signal), problems);
  const whole = { start: 0, end: reader.size };
  try {
    await (format === SAVED ? graph.savedModel(whole) : graph.graph(whole));
  } catch (error) {
    if (!(error instanceof CheckpointError) || graph.weights.length === 0) throw error;
    const reason = `${error.reason}: only constants before the place are shown`;
    problems.push(new CheckpointError(error.code, reason, error.where).toProblem());
  }
  const told = problems.list();
  if (graph.nodes === 0 || (graph.weights.length === 0 && told.length === 0)) {
    throw withoutWeights(reader.path, format, graph.nodes);
  }
  const names = groupedNames(graph.weights);
  return {
    format,
    metadata: { nodes: String(graph.nodes), 'constants that are no weights': String(graph.others) },
    tensors: graph.weights.map((constant, i) => tensorOf(constant, names[i]!, reader)),
    problems: told,
  };
}

function withoutWeights(file: string, format: string, nodes: number): CheckpointError {
  if (nodes === 0) return new CheckpointError('unknown-format', 'is not a graph of TensorFlow', { file, offset: 0 });
  if (format === SAVED) {
    const message = 'has no variables beside it (variables/variables.index), and no weights in its graph';
    return new CheckpointError('missing-shard', message, { file, remedy: 'put the folder "variables" beside it' });
  }
  const message = `has a graph of ${nodes} nodes, and no weights among its constants`;
  return new CheckpointError('unsupported', message, { file, remedy: 'open the checkpoint that it is run with' });
}

function tensorOf(constant: GraphConstant, name: string, reader: FileReader): SourcedTensor {
  const { group, shape, dtype, byteLength, type } = constant;
  const known = tensorflowType(type);
  const info: TensorInfo = {
    ...{ name, group, shape, dtype, byteLength, kernelLayout: '…IO' },
    ...(isQuantised(known) && { encoding: { name: known.name, byteLength } }),
  };
  const view = { dtype, shape, strides: contiguousStrides(shape), byteOffset: 0, bigEndian: false };
  return { info, source: new ViewSource(view, rangesOf(constant, name, reader)) };
}

function rangesOf({ data, dtype, byteLength }: GraphConstant, name: string, reader: FileReader): ReadRange {
  if (data.kind === 'raw') return (start, end, signal) => reader.read(data.start + start, end - start, signal);
  const typed = new TypedDataReader(data, dtype, byteLength, name);
  return (start, end, signal) => typed.read(reader, { start, end }, signal);
}
