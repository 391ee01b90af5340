/**
 * Statistics as a safetensors file: `<layer>.input_gram` and its neighbours, `<layer>` being a module's name or its
 * weight's (science.md §9; the README of `compression` shows a hook that writes it).
 */
import type { Checkpoint, TensorInfo } from '../../checkpoint/checkpoint';
import { safetensorsFormat } from '../../checkpoint/safetensors/safetensors';
import { isObject } from '../../checkpoint/files/jsonFile';
import { concurrently } from '../../checkpoint/files/concurrently';
import {
  BLOCK_INFLUENCE_ENDING,
  FIELD_ENDINGS,
  measurementOf,
  SAME_INPUTS_KEY,
  SYNTHETIC_KEY,
  SYNTHETIC_VALUE,
  TOKENS_ENDING,
  type Measurement,
  type NamedStatistics,
  type StatisticsField,
  type StatisticsFile,
} from './statisticsFile';

/** Counts of tokens that are read at a time: each is a read of a few bytes. */
const READS_AT_ONCE = 8;

/** A stack has fewer matrices; a longer array is no count of tokens. */
const MAX_COUNTS = 65_536;

const ENDINGS = Object.entries(FIELD_ENDINGS) as [StatisticsField, string][];

interface Named {
  fields: Partial<Record<StatisticsField, Measurement>>;
  tokens?: readonly number[];
}

/** @throws CheckpointError, AbortError */
export async function openSafetensorsStatistics(path: string, signal?: AbortSignal): Promise<StatisticsFile> {
  const file = await safetensorsFormat.open(path, signal);
  try {
    const problems = file.problems.map(({ message }) => message);
    const named = await namedStatistics(file, problems, signal);
    const blockInfluence = await blockInfluences(file, problems, signal);
    const synthetic = file.metadata[SYNTHETIC_KEY] === SYNTHETIC_VALUE;
    return { format: 'safetensors', synthetic, named, blockInfluence, problems, close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function namedStatistics(
  file: Checkpoint,
  problems: string[],
  signal?: AbortSignal,
): Promise<Map<string, NamedStatistics>> {
  const named = new Map<string, Named>();
  const counts: { of: string; tensor: TensorInfo }[] = [];
  const at = (name: string): Named => {
    const found = named.get(name) ?? { fields: {} };
    named.set(name, found);
    return found;
  };
  for (const tensor of file.tensors) {
    const { name, unreadable } = tensor;
    const field = ENDINGS.find(([, ending]) => name.endsWith(ending) && name.length > ending.length);
    if (unreadable !== undefined) problems.push(`${name}: ${unreadable}`);
    else if (isBlockInfluence(name)) continue;
    else if (field) at(name.slice(0, -field[1].length)).fields[field[0]] = measurementOf(file, tensor);
    else if (name.endsWith(TOKENS_ENDING)) counts.push({ of: name.slice(0, -TOKENS_ENDING.length), tensor });
    else problems.push(`${name} is no statistic: names end in ${ENDINGS.map(([, ending]) => ending).join(', ')}`);
  }
  await concurrently(counts, READS_AT_ONCE, async ({ of, tensor }) => {
    const measured = measurementOf(file, tensor);
    const length = tensor.shape.reduce((product, size) => product * size, 1);
    if (length > MAX_COUNTS) problems.push(`${tensor.name} has ${length} numbers, which is no count of tokens`);
    else at(of).tokens = [...(await measured.read(undefined, signal))];
  });
  addSameInputs(file.metadata, named, problems);
  return named;
}

/** Layers that have the inputs of another one. */
function addSameInputs(metadata: Checkpoint['metadata'], named: Map<string, Named>, problems: string[]): void {
  const text = metadata[SAME_INPUTS_KEY];
  if (text === undefined) return;
  let same: unknown;
  try {
    same = JSON.parse(text);
  } catch {
    same = undefined;
  }
  if (!isObject(same)) {
    problems.push(
      `${SAME_INPUTS_KEY} in the metadata is no object: what it says of layers is left out; calibrate again`,
    );
    return;
  }
  for (const [layer, other] of Object.entries(same)) {
    const found = typeof other === 'string' ? named.get(other) : undefined;
    // Fisher information is of a layer's own weights.
    if (found && !named.has(layer)) named.set(layer, withoutFisher(found));
    else if (!found) problems.push(`${layer} has the inputs of ${JSON.stringify(other)}, of which there is nothing`);
  }
}

function withoutFisher({ fields: { fisher: _, ...fields }, tokens }: Named): Named {
  return { fields, ...(tokens && { tokens }) };
}

/** A cosine is within −1 and 1; rounding to 16 bits may take it a little beyond. */
const MOST_INFLUENCE = 2.01;

function isBlockInfluence(name: string): boolean {
  return name.endsWith(BLOCK_INFLUENCE_ENDING) && name.length > BLOCK_INFLUENCE_ENDING.length;
}

async function blockInfluences(
  file: Checkpoint,
  problems: string[],
  signal?: AbortSignal,
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const tensors = file.tensors.filter(({ name, unreadable }) => isBlockInfluence(name) && unreadable === undefined);
  await concurrently(tensors, READS_AT_ONCE, async (tensor) => {
    const { name, shape } = tensor;
    if (shape.some((size) => size !== 1)) {
      problems.push(`${name} has the shape ${JSON.stringify(shape)}, but the influence of a block is one number`);
      return;
    }
    const [value] = await measurementOf(file, tensor).read(undefined, signal);
    if (value !== undefined && Math.abs(value - 1) <= MOST_INFLUENCE - 1) {
      found.set(name.slice(0, -BLOCK_INFLUENCE_ENDING.length), value);
    } else problems.push(`${name} is ${value}, but 1 − a cosine lies between 0 and 2; calibrate again`);
  });
  return found;
}
