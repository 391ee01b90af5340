/**
 * PEFT's LoRA adapters: beside the stored factors, what each pair adds to its module's weight, ΔW = scale · B·A, as a
 * tensor of its own that is read by multiplying. Its spectrum needs the factors only (`linalg/productEigenvalues.ts`).
 *
 * @see https://huggingface.co/docs/peft/developer_guides/checkpoint
 */
import path from 'node:path';
import { TRANSFORMERS_WEIGHTS } from '../../shared/names/folderMeaning';
import type { Problem } from '../../shared/tensors';
import type { Checkpoint, TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { elementSize } from '../elements/dtype';
import { readJsonObject } from '../files/jsonFile';
import { madeInfo, withMadeWeights } from './madeWeights';
import { isLoraFactor, loraPairs, type LoraConfig, type LoraPair } from './loraPairs';
import { ProblemList } from '../problemList';
import { elementCount } from '../elements/shape';
import { folderOf, siblingPath } from '../files/siblingPath';
import { wrapCheckpoint } from '../wrappedCheckpoint';

const CONFIG = 'adapter_config.json';

/** The remedy if B·A is not what an adapter adds. */
const REMEDY = "merge it into its base model (PEFT's merge_and_unload) to see the weights that it makes";

/** PEFT's own are below 10 kB; with a pattern for each layer of a large model, below 1 MB. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** PEFT wraps the model twice. */
const WRAPPER = /^base_model\.model\./;

/** No file system has longer names. */
const MAX_FOLDER_NAME = 255;

type Open = (file: string, signal?: AbortSignal) => Promise<Checkpoint>;

interface AdapterConfig extends LoraConfig {
  /** Name of the base model: a repository's name or a path; its last part counts. */
  readonly baseName: string | undefined;
  /** Why the pairs are no plain products. */
  readonly refused: string | undefined;
}

/**
 * The checkpoint with a ΔW for each LoRA pair, where an `adapter_config.json` of that kind lies beside it; itself elsewhere.
 *
 * @param open opens the base model
 * @throws DOMException `AbortError` when `signal` fires; the checkpoint is then closed
 */
export async function withLoraProducts(checkpoint: Checkpoint, open: Open, signal?: AbortSignal): Promise<Checkpoint> {
  if (!checkpoint.tensors.some(({ name }) => isLoraFactor(name))) return checkpoint;
  try {
    return await adapterOf(checkpoint, open, signal);
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

async function adapterOf(checkpoint: Checkpoint, open: Open, signal?: AbortSignal): Promise<Checkpoint> {
  const folder = folderOf(checkpoint);
  const configPath = path.join(folder, CONFIG);
  const problems = new ProblemList(configPath);
  let config: AdapterConfig | undefined;
  try {
    config = await readConfig(configPath, signal);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    if (error.code === 'not-found') {
      const message = `is not there: without it the scale of a LoRA pair's product is unknown, and only A and B are shown`;
      problems.add('unsupported', message, { remedy: 'put it beside the adapter' });
    } else problems.push(error.toProblem());
  }
  if (config?.refused !== undefined) problems.add('unsupported', config.refused, { remedy: REMEDY });
  if (!config || config.refused !== undefined) return withProducts(checkpoint, [], problems.list());
  const refuse = (message: string, tensor: string): void =>
    problems.add('unsupported', `${tensor} ${message}`, { remedy: 'fetch it again, or save it anew' });
  const pairs = loraPairs(checkpoint.tensors, config, refuse);
  const base = await openBase(folder, config.baseName, checkpoint, open, problems, signal);
  const weights = base && weightsByName(base);
  const names = new Set(checkpoint.tensors.map(({ name }) => name));
  const adapters = new Map<string, number>();
  for (const { module } of pairs) adapters.set(module, (adapters.get(module) ?? 0) + 1);
  const products: TensorInfo[] = [];
  for (const pair of pairs) {
    const one = pair.adapter === undefined || adapters.get(pair.module) === 1;
    const name = `${pair.module}.${one ? '' : `${pair.adapter}.`}delta_weight`;
    const tensor = productTensor(name, pair, names, base, weights);
    if (typeof tensor === 'string') refuse(tensor, pair.module);
    else {
      names.add(name);
      products.push(tensor);
    }
  }
  return withProducts(checkpoint, products, problems.list(), [configPath], base);
}

/** @returns undefined for another method than LoRA. @throws CheckpointError where there is no such file, or it is no JSON object */
async function readConfig(file: string, signal?: AbortSignal): Promise<AdapterConfig | undefined> {
  const value = await readJsonObject(file, MAX_CONFIG_BYTES, signal);
  if (value.peft_type !== 'LORA') return undefined;
  const { lora_alpha: alpha, alpha_pattern: pattern, base_model_name_or_path: base } = value;
  const alphaPattern = Object.fromEntries(
    Object.entries(typeof pattern === 'object' && pattern !== null ? pattern : {}).map(([name, number]) => [
      name.replace(/^\^/, '').replace(/\$$/, '').replaceAll('\\.', '.'),
      // Not what else can be taken for one, such as null for 0.
      typeof number === 'number' ? number : NaN,
    ]),
  );
  return {
    alpha: Number(alpha),
    alphaPattern,
    rankStabilised: value.use_rslora === true,
    baseName: typeof base === 'string' && base !== '' ? base : undefined,
    refused: refusal(value, alphaPattern),
  };
}

function refusal(config: Record<string, unknown>, alphaPattern: Readonly<Record<string, number>>): string | undefined {
  if (!Number.isFinite(config.lora_alpha)) return 'has no number "lora_alpha": the scale of B·A is unknown';
  if (config.use_qalora === true) return 'is of QA-LoRA, whose A multiplies pooled inputs: B·A is not what is added';
  if (config.use_dora === true) {
    return 'is of DoRA, which gives each output of the adapted weight another length: B·A is not what is added';
  }
  if (Array.isArray(config.target_parameters) && config.target_parameters.length > 0) {
    return 'has "target_parameters", whose A and B are those of several experts in one: B·A is not what is added';
  }
  const unclear = Object.entries(alphaPattern).find(
    ([name, alpha]) => /[\\*+?()[\]{}|^$]/.test(name) || !Number.isFinite(alpha),
  );
  return unclear && `has the "alpha_pattern" ${JSON.stringify(unclear[0])}, which is not a module's name and a number`;
}

/** @returns why it cannot be, in words */
function productTensor(
  name: string,
  { module, left, right, rank, shape, scale }: LoraPair,
  names: ReadonlySet<string>,
  base: Checkpoint | undefined,
  weights: ReadonlyMap<string, TensorInfo> | undefined,
): TensorInfo | string {
  const count = elementCount(shape);
  if (typeof count === 'string') return `${count}: the product of its A and B is not shown`;
  if (names.has(name)) return `has a tensor ${name} of its own: the product of its A and B is not shown`;
  const weight = weights && adaptedWeight(module, count, weights);
  return madeInfo(
    { name, group: right.tensor.group, shape, encoding: `LoRA r=${rank}` },
    { product: { left, right, rank, scale, ...(base && weight && { base: { checkpoint: base, tensor: weight } }) } },
  );
}

/** A base model's tensors by name, and by name without the outermost module, which is not always saved along. */
function weightsByName({ tensors }: Checkpoint): ReadonlyMap<string, TensorInfo> {
  const inner = tensors.map((tensor) => [withoutOutermost(tensor.name), tensor] as const);
  return new Map([...inner, ...tensors.map((tensor) => [tensor.name, tensor] as const)]);
}

function withoutOutermost(name: string): string {
  return name.slice(name.indexOf('.') + 1);
}

function adaptedWeight(
  module: string,
  count: number,
  weights: ReadonlyMap<string, TensorInfo>,
): TensorInfo | undefined {
  const name = `${module.replace(WRAPPER, '')}.weight`;
  const found = weights.get(name) ?? weights.get(withoutOutermost(name));
  return found && found.byteLength / elementSize(found.dtype) === count ? found : undefined;
}

async function openBase(
  folder: string,
  baseName: string | undefined,
  { path: own }: Checkpoint,
  open: Open,
  problems: ProblemList,
  signal?: AbortSignal,
): Promise<Checkpoint | undefined> {
  const parent = path.dirname(folder);
  const named = baseName === undefined ? undefined : neighbour(parent, baseName);
  const folders = [folder, ...(named === undefined ? [] : [named]), parent];
  const candidates = folders.flatMap((each) => TRANSFORMERS_WEIGHTS.map((name) => path.join(each, name)));
  for (const file of candidates) {
    if (file === own) continue;
    try {
      return await open(file, signal);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      if (error.code === 'not-found') continue;
      problems.push(error.toProblem());
      return undefined;
    }
  }
  return undefined;
}

/**
 * The folder in `parent` that is called as the last part of the name: what a downloaded file says must not lead elsewhere.
 * Whose weights W are is told with each ‖ΔW‖/‖W‖.
 */
function neighbour(parent: string, name: string): string | undefined {
  const last = name.split(/[\\/]/).findLast((part) => part !== '' && part !== '.' && part !== '..');
  return last === undefined || last.length > MAX_FOLDER_NAME ? undefined : siblingPath(parent, last);
}

function withProducts(
  stored: Checkpoint,
  products: readonly TensorInfo[],
  problems: readonly Problem[],
  files: readonly string[] = [],
  base?: Checkpoint,
): Checkpoint {
  const made = withMadeWeights(stored, {
    weights: products.map((info) => ({ info, hidesParts: false })),
    problems,
    files: [...files, ...(base?.files ?? [])],
  });
  const close = async (): Promise<void> => {
    await Promise.all([base?.close(), stored.close()]);
  };
  return wrapCheckpoint(made, { close });
}
