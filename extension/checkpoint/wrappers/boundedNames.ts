/** The last look at names before the rest of the program has them: whatever the format, none is longer than `MAX_NAME`. */
import { type Checkpoint, type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { isLongName, longName, MAX_NAME } from '../elements/names';
import { ProblemList } from '../problemList';
import { wrapCheckpoint } from '../wrappedCheckpoint';

/** Longest name of an encoding, which is a format's or a class's. */
const MAX_ENCODING = 200;

/** The checkpoint without tensors and metadata of such names, which are problems of it then. */
export function withBoundedNames(checkpoint: Checkpoint): Checkpoint {
  const { metadata, path } = checkpoint;
  const keys = Object.keys(metadata).filter(isLongName);
  if (keys.length === 0 && checkpoint.tensors.every(isBounded)) return checkpoint;
  const problems = new ProblemList(path);
  problems.pushAll(checkpoint.problems);
  for (const key of keys) problems.add('limit', `${longName(key)}: this entry of its metadata is left out`);
  const tensors: TensorInfo[] = [];
  for (const tensor of checkpoint.tensors) {
    if (tensor.name.length + tensor.group.length <= MAX_NAME) tensors.push(withShortLabels(tensor));
    else problems.push(refusal(tensor, path));
  }
  const kept = Object.fromEntries(Object.entries(metadata).filter(([key]) => !isLongName(key)));
  return wrapCheckpoint(checkpoint, { metadata: kept, tensors, problems: problems.list() });
}

function isBounded({ name, group, alias = '', encoding }: TensorInfo): boolean {
  const labels = alias.length <= MAX_NAME && (encoding?.name.length ?? 0) <= MAX_ENCODING;
  return labels && name.length + group.length <= MAX_NAME;
}

function withShortLabels(tensor: TensorInfo): TensorInfo {
  if (isBounded(tensor)) return tensor;
  const { alias, encoding, ...rest } = tensor;
  return {
    ...rest,
    ...(alias !== undefined && !isLongName(alias) && { alias }),
    ...(encoding && { encoding: { ...encoding, name: encoding.name.slice(0, MAX_ENCODING) } }),
  };
}

function refusal({ name, group }: TensorInfo, file: string) {
  const whole = group === '' ? name : `${group}.${name}`;
  return new CheckpointError('limit', `${longName(whole)}, so the tensor is not shown`, { file }).toProblem();
}
