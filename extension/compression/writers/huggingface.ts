/**
 * The layout `huggingface`: a folder that transformers loads with `trust_remote_code=True`. Each compressed weight becomes
 * `module.ALinear.weight` (out × r, the bias here) and `module.BLinear.weight` (r × in), as ASVD calls them; `config.json`
 * says which modules these are, and a Python file replaces them inside the model (`media/python/`).
 *
 * @see https://github.com/hahnyuan/ASVD4LLM huggingface_repos/modeling_asvd_llama.py (`truncation_ranks`)
 */
import loader from '../../../media/python/modeling_eigenscope.py';
import { isInputEmbedding, isOutputMatrix } from '../../checkpoint/wrappers/embeddingNames';
import { layoutHolds } from '../../shared/compression/layoutMethods';
import { layerMethod } from '../../shared/compression/methodTable';
import { CompressionError } from '../compressionError';
import { savedMetadata } from '../savedMetadata';
import { addedBias } from './addedBias';
import { groupFields, replaceGroup } from './groupTensors';
import { configChanges, copiedFiles, textFile } from './modelFiles';
import { modelTensors } from './modelTensors';
import { pairFactors, tableFactors } from './pairFactors';
import { safetensorsFiles } from './safetensorsFiles';
import { moduleOf, transformersConfig } from './transformersFolder';
import type { JsonValue, Layout, Piece, Replaced, SavedWeight, SaveJob } from './writer';

const LOADER = 'modeling_eigenscope';

/** What a piece says of its modules. */
interface PairRecord {
  readonly modules: readonly string[];
  readonly rank: number;
  /** The method added a bias to modules that had none. */
  readonly addedBias: boolean;
}

export const huggingfaceLayout: Layout = {
  prepare: (job) => {
    const { classes, autoMap } = transformersConfig(job.checkpoint);
    for (const weight of job.weights) assertHeld(weight, job);
    return Promise.resolve({
      form: 'parts',
      notes: (pieces) => [
        needsLoader(job, pieces)
          ? `${howToLoad(classes, true)}: without that, transformers makes random weights in place of the factors, and says so.`
          : `${howToLoad(classes, Object.keys(autoMap).length > 0)}: it is a smaller model of the same architecture.`,
      ],
      replace: (weight, stored, signal) => replace(job, weight, stored, signal),
      replaceGroup,
      files: async (pieces) => {
        const records = pieces.slice(0, job.weights.length).map(({ record }) => record as unknown as PairRecord);
        const ours = Object.entries(classes).map(([auto, name]) => [auto, `${LOADER}.${name}`] as const);
        const groups = groupFields(job, pieces.slice(job.weights.length));
        const ownCode = needsLoader(job, pieces);
        const tensors = modelTensors(job, pieces);
        const changes: Record<string, JsonValue> = {
          ...configChanges(pieces),
          ...groups.fields,
          ...(ownCode && { auto_map: { ...autoMap, ...Object.fromEntries(ours) } as JsonValue }),
          ...(records.length > 0 && rankFields(records)),
        };
        const copied = await copiedFiles(job.checkpoint, changes);
        return [
          ...copied.filter(({ path }) => path !== `${LOADER}.py`),
          ...(ownCode ? [textFile(`${LOADER}.py`, loader)] : []),
          ...safetensorsFiles({
            stem: 'model',
            tensors,
            metadata: savedMetadata(job.checkpoint, tensors, job.note),
            shardBytes: job.shardBytes,
          }),
        ];
      },
    });
  },
};

/** False for blocks that became smaller alike: transformers knows these by their configuration. */
function needsLoader(job: SaveJob, pieces: readonly Piece[]): boolean {
  return job.weights.length > 0 || groupFields(job, pieces.slice(job.weights.length)).loader;
}

/**
 * @param classes by Auto classes, the one without a head first; several with one if the architecture's name tells no task
 * @param remote the folder has code that transformers runs only if it is told to
 */
function howToLoad(classes: Readonly<Record<string, string>>, remote: boolean): string {
  const [plain, head, ...others] = Object.keys(classes);
  return head === undefined || others.length === 0
    ? `Load it with ${head ?? plain!}.from_pretrained(folder${remote ? ', trust_remote_code=True' : ''})`
    : `Load it as the original, with its Auto class${remote ? ' and trust_remote_code=True' : ''}`;
}

function rankFields(records: readonly PairRecord[]): Record<string, JsonValue> {
  const ranks = records.flatMap(({ modules, rank }) => modules.map((module) => [module, rank] as const));
  const biased = records.flatMap(({ modules, addedBias: added }) => (added ? modules : []));
  return { truncation_ranks: Object.fromEntries(ranks), ...(biased.length > 0 && { added_biases: biased }) };
}

/** @throws CompressionError `unsupported` */
function assertHeld(weight: SavedWeight, { checkpoint }: SaveJob): void {
  const { layer, choice, tensor, twins } = weight;
  const { name, stores } = layerMethod(choice.method);
  if (!layoutHolds('huggingface', name)) {
    const layout = stores === 'adapter' ? 'peft' : 'safetensors';
    throw new CompressionError(
      'unsupported',
      `the method ${name} makes no pair of factors; save it as ${layout}, or choose another method`,
      { layer },
    );
  }
  moduleOf(weight);
  if (!isTable(tensor.name) || !checkpoint.config.copiesAreTied) return;
  const different = checkpoint.tensors.find(
    (other) => isTable(other.name) && other.name !== tensor.name && !twins.includes(other.name),
  );
  if (!different) return;
  throw new CompressionError(
    'unsupported',
    `transformers ties it to ${different.name}, but the file has other numbers there; say "tie_word_embeddings": false ` +
      'in config.json if they differ on purpose, or keep both dense',
    { layer },
  );
}

/** The embedding of a language model, or the matrix that is its transpose at the other end. */
function isTable(name: string): boolean {
  return isInputEmbedding(name) || isOutputMatrix(name);
}

/** The names under which a weight is stored: one of those that the configuration ties, else all. */
function storedNames({ tensor, twins }: SavedWeight, { checkpoint }: SaveJob): string[] {
  const names = [tensor.name, ...twins];
  if (!checkpoint.config.copiesAreTied || !names.every(isTable)) return names;
  return [names.find(isInputEmbedding) ?? tensor.name];
}

async function replace(
  job: SaveJob,
  weight: SavedWeight,
  stored: Parameters<typeof pairFactors>[1],
  signal: AbortSignal,
): Promise<Replaced> {
  const { rank, ...linear } = pairFactors(weight, stored);
  const { table, width } =
    weight.factors?.module === 'embedding' ? tableFactors(weight, stored) : { table: linear.left, width: linear.right };
  const modules = storedNames(weight, job).map((name) => name.slice(0, -'.weight'.length));
  const bias = stored.bias && (await addedBias(job.checkpoint, weight, stored.bias, signal));
  const moved = bias ? undefined : weight.factors?.bias?.from;
  const record: PairRecord = { modules, rank, addedBias: bias !== undefined && bias.replaces.length === 0 };
  return {
    tensors: modules.flatMap((module) => [
      { name: `${module}.ALinear.weight`, ...table },
      { name: `${module}.BLinear.weight`, ...width },
      ...(bias ? [{ ...bias.tensor, name: `${module}.ALinear.bias` }] : []),
    ]),
    drops: [weight.tensor.name, ...weight.twins, ...(bias?.replaces ?? [])],
    ...(moved !== undefined && { renames: { [moved]: `${modules[0]!}.ALinear.bias` } }),
    record: record as unknown as JsonValue,
  };
}
