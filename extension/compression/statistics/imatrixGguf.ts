/**
 * llama.cpp's imatrix in its GGUF form: for each weight `<name>.in_sum2`, the sums of x² of every input, and `<name>.counts`,
 * the tokens behind them; a stack of experts has a row of its own for each.
 *
 * @see https://github.com/ggml-org/llama.cpp/blob/master/tools/imatrix/imatrix.cpp (`save_imatrix`)
 */
import type { Checkpoint, TensorInfo } from '../../checkpoint/checkpoint';
import { widen } from '../../checkpoint/elements/dtype';
import { concurrently } from '../../checkpoint/files/concurrently';
import { ggufFormat } from '../../checkpoint/gguf/gguf';
import type { Measurement, NamedStatistics, StatisticsFile } from './statisticsFile';

const SUMS = '.in_sum2';
const COUNTS = '.counts';

/** `general.type` of such a file. */
const TYPE = 'imatrix';

const READS_AT_ONCE = 8;

/** @throws CheckpointError, AbortError */
export async function openImatrixGguf(path: string, signal?: AbortSignal): Promise<StatisticsFile> {
  const file = await ggufFormat.open(path, signal);
  try {
    const problems = file.problems.map(({ message }) => message);
    const type = file.metadata['general.type'];
    if (type !== undefined && type !== TYPE) problems.push(`its "general.type" is ${type}, not ${TYPE}`);
    return {
      format: 'imatrix',
      synthetic: false,
      blockInfluence: new Map(),
      named: await namedSums(file, problems, signal),
      problems,
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function namedSums(
  file: Checkpoint,
  problems: string[],
  signal?: AbortSignal,
): Promise<Map<string, NamedStatistics>> {
  const tensors = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  const pairs: { name: string; sums: TensorInfo; counts: TensorInfo }[] = [];
  for (const sums of file.tensors) {
    if (!sums.name.endsWith(SUMS)) continue;
    const name = sums.name.slice(0, -SUMS.length);
    const counts = tensors.get(name + COUNTS);
    const matrices = sums.shape.length > 1 ? sums.shape[0]! : 1;
    const counted = counts?.shape.reduce((product, size) => product * size, 1);
    if (!counts || sums.unreadable !== undefined || counts.unreadable !== undefined) {
      problems.push(
        `${sums.name} cannot be used: ${sums.unreadable ?? counts?.unreadable ?? `there is no ${name}${COUNTS}`}`,
      );
    } else if (counted !== matrices) {
      problems.push(`${sums.name} has ${matrices} rows, but ${counts.name} has ${counted} numbers`);
    } else pairs.push({ name, sums, counts });
  }
  const named = await concurrently(pairs, READS_AT_ONCE, async ({ name, sums, counts }) => {
    const tokens = widen(await file.read(counts, undefined, signal), counts.dtype);
    return [name, { fields: { squareMean: meanOf(file, sums, tokens) }, tokens: [...tokens] }] as const;
  });
  return new Map(named);
}

/** Sums over counts. */
function meanOf(file: Checkpoint, sums: TensorInfo, tokens: Float64Array): Measurement {
  const width = sums.shape.at(-1)!;
  const shape = tokens.length === 1 ? [width] : [tokens.length, width];
  return {
    name: sums.name,
    shape,
    async read(rows, signal) {
      // One row may be stored as one axis or as two: it is the whole tensor either way.
      const band = tokens.length === 1 ? undefined : rows;
      const values = widen(await file.read(sums, band, signal), sums.dtype);
      const first = band?.start ?? 0;
      return values.map((value, i) => value / tokens[first + Math.floor(i / width)]!);
    },
  };
}
