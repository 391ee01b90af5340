/** The MLPs and attentions of a model, by the names of their projections. Pure. */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import type { ModelSizes } from '../../shared/modelSizes';
import type { HeadSizes } from './attentionHeads';
import type { Rotation } from './queryKey';

export interface MlpGroup {
  readonly kind: 'mlp';
  /** The common beginning of the names: `model.layers.0.mlp`. */
  readonly name: string;
  /** Names of the modules. Gate and up make the intermediate channels, down takes them. */
  readonly gate?: string;
  readonly up: string;
  readonly down: string;
}

export interface AttentionGroup {
  readonly kind: 'attention';
  readonly name: string;
  readonly q: string;
  readonly k: string;
  readonly v: string;
  readonly o: string;
}

export type BlockGroup = MlpGroup | AttentionGroup;

/**
 * Modules of an MLP, relative to the block's name.
 *
 * @see https://github.com/huggingface/transformers src/transformers/models (llama, mixtral, t5, opt, gpt2, gpt_neox, bert)
 */
const MLPS: readonly { readonly gate?: string; readonly up: string; readonly down: string }[] = [
  { gate: 'gate_proj', up: 'up_proj', down: 'down_proj' },
  { gate: 'w1', up: 'w3', down: 'w2' },
  { gate: 'wi_0', up: 'wi_1', down: 'wo' },
  { up: 'wi', down: 'wo' },
  { up: 'fc1', down: 'fc2' },
  { up: 'c_fc', down: 'c_proj' },
  { up: 'dense_h_to_4h', down: 'dense_4h_to_h' },
  { up: 'intermediate.dense', down: 'output.dense' },
];

const ATTENTIONS: readonly { readonly q: string; readonly k: string; readonly v: string; readonly o: string }[] = [
  { q: 'q_proj', k: 'k_proj', v: 'v_proj', o: 'o_proj' },
  { q: 'q_proj', k: 'k_proj', v: 'v_proj', o: 'out_proj' },
  { q: 'wq', k: 'wk', v: 'wv', o: 'wo' },
  { q: 'q', k: 'k', v: 'v', o: 'o' },
  { q: 'self.query', k: 'self.key', v: 'self.value', o: 'output.dense' },
  { q: 'attention.query', k: 'attention.key', v: 'attention.value', o: 'output.dense' },
];

/**
 * @param modules names of all modules with a weight of two axes, without `.weight`
 * @returns the groups in the order of their first module
 */
export function findGroups(modules: readonly string[]): BlockGroup[] {
  const known = new Set(modules);
  const groups: BlockGroup[] = [];
  for (const module of modules) {
    for (const roles of MLPS) {
      const name = before(module, roles.up);
      if (name === undefined) continue;
      const of = (role: string): string => (name === '' ? role : `${name}.${role}`);
      const { gate, up, down } = roles;
      if (!known.has(of(down)) || (gate !== undefined && !known.has(of(gate)))) continue;
      groups.push({ kind: 'mlp', name, up: of(up), down: of(down), ...(gate !== undefined && { gate: of(gate) }) });
      break;
    }
    for (const roles of ATTENTIONS) {
      const name = before(module, roles.q);
      if (name === undefined) continue;
      const of = (role: string): string => (name === '' ? role : `${name}.${role}`);
      const [q, k, v, o] = [of(roles.q), of(roles.k), of(roles.v), of(roles.o)];
      if (![k, v, o].every((other) => known.has(other))) continue;
      groups.push({ kind: 'attention', name, q, k, v, o });
      break;
    }
  }
  return groups;
}

const WEIGHT = '.weight';

/** The groups of a checkpoint, by its weights of two axes. */
export function groupsIn(tensors: readonly Pick<TensorInfo, 'name' | 'shape' | 'notModel'>[]): BlockGroup[] {
  const weights = tensors.filter(
    ({ name, shape, notModel }) => shape.length === 2 && name.endsWith(WEIGHT) && notModel === undefined,
  );
  return findGroups(weights.map(({ name }) => name.slice(0, -WEIGHT.length)));
}

/** The block's name if the module is that one of it: `a.b` of `a.b.q_proj`. */
function before(module: string, role: string): string | undefined {
  if (module === role) return '';
  return module.endsWith(`.${role}`) ? module.slice(0, -role.length - 1) : undefined;
}

/** Kinds of models whose heads turn rows j and j + headSize/2 together (transformers' `rotate_half`). */
const HALVES: ReadonlySet<string> = new Set([
  ...[
    'llama',
    'mistral',
    'mixtral',
    'qwen2',
    'qwen2_moe',
    'qwen3',
    'qwen3_moe',
    'gemma',
    'gemma2',
    'gemma3',
    'gemma3_text',
  ],
  ...['olmo', 'olmo2', 'starcoder2', 'smollm3', 'granite', 'phi', 'stablelm', 'persimmon', 'helium'],
]);
const NEIGHBOURS: ReadonlySet<string> = new Set(['gptj', 'codegen', 'cohere', 'cohere2']);
/** Positions are added to the inputs, or to the scores. */
const UNTURNED: ReadonlySet<string> = new Set([
  ...['opt', 'bert', 'roberta', 'xlm-roberta', 'camembert', 'electra', 'distilbert', 'vit', 'deit', 'whisper', 'bart'],
  ...['mbart', 'pegasus', 'm2m_100', 'marian', 't5', 'mt5', 'umt5', 'clip', 'siglip', 'bloom', 'mpt', 'gpt_neo'],
]);

/** How the heads of a kind of model turn; undefined if that is not known here. */
export function rotationOf(modelType: string | undefined): Rotation | undefined {
  if (modelType === undefined) return undefined;
  if (HALVES.has(modelType)) return 'halves';
  if (NEIGHBOURS.has(modelType)) return 'neighbours';
  return UNTURNED.has(modelType) ? 'none' : undefined;
}

/**
 * The heads of an attention, from what the configuration says, held to the rows that its projections have.
 *
 * @returns a sentence that says why they cannot be told, in words that follow the group's name
 */
export function headSizesOf(
  { heads, keyValueHeads, headSize, valueHeadSize }: ModelSizes,
  rows: { readonly q: number; readonly k: number; readonly v: number; readonly o: number },
): HeadSizes | string {
  if (heads === undefined || keyValueHeads === undefined || headSize === undefined) {
    return 'its heads are not known: there is no config.json beside the checkpoint that says num_attention_heads';
  }
  if (valueHeadSize !== undefined && valueHeadSize !== headSize) {
    return 'its values have another head size than its keys, which this method does not know';
  }
  const [query, key] = [heads * headSize, keyValueHeads * headSize];
  if (rows.q !== query || rows.o !== query || rows.k !== key || rows.v !== key || heads % keyValueHeads !== 0) {
    return (
      `its projections have ${rows.q}, ${rows.k}, ${rows.v} and ${rows.o} rows, but the configuration says ${heads} ` +
      `heads and ${keyValueHeads} of keys and values, of ${headSize} each`
    );
  }
  return { heads, keyValueHeads, headSize };
}
