/**
 * What a checkpoint probably is, from its tensors' names, its metadata and a `config.json` beside it. A guess for the header line,
 * worded as one; no number depends on it.
 */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import type { ModelConfig } from '../../checkpoint/modelConfig';
import { agreeing } from '../../shared/agreeing';

interface Family {
  name: string;
  /** Every one of these must match some tensor name. */
  marks: RegExp[];
  /** Its first group is a block number. */
  block?: RegExp;
  /** A tensor whose last dimension is the hidden size. */
  hidden?: RegExp;
}

const FAMILIES: readonly Family[] = [
  { name: 'LoRA adapter', marks: [/\.lora_A\./, /\.lora_B\./], block: /\.(?:h|layers|blocks?)\.(\d+)\./ },
  {
    name: 'mixture-of-experts transformer',
    marks: [/\.experts?\./, /self_attn|attention/],
    block: /layers\.(\d+)\./,
    hidden: /embed_tokens\.weight$/,
  },
  {
    name: 'LLaMA-style transformer',
    marks: [/self_attn\.q_proj/, /mlp\.gate_proj/],
    block: /layers\.(\d+)\./,
    hidden: /embed_tokens\.weight$/,
  },
  { name: 'GPT-2-style transformer', marks: [/\bh\.\d+\.attn\.c_attn/], block: /\bh\.(\d+)\./, hidden: /wte\.weight$/ },
  {
    name: 'GPT-NeoX-style transformer',
    marks: [/attention\.query_key_value/],
    block: /layers\.(\d+)\./,
    hidden: /embed_in\.weight$/,
  },
  {
    name: 'BERT-style encoder',
    marks: [/encoder\.layer\.\d+\.attention\.self\.query/],
    block: /encoder\.layer\.(\d+)\./,
    hidden: /word_embeddings\.weight$/,
  },
  {
    name: 'T5-style encoder-decoder',
    marks: [/encoder\.block\.\d+\.layer\.\d+\.SelfAttention/],
    block: /block\.(\d+)\./,
  },
  { name: 'vision transformer', marks: [/patch_embed|patch_embedding/], block: /(?:blocks|layers?)\.(\d+)\./ },
  { name: 'Stable-Diffusion-style UNet', marks: [/down_blocks\.|input_blocks\./, /up_blocks\.|output_blocks\./] },
  { name: 'ResNet', marks: [/layer1\.\d+\.conv1\.weight/, /layer2\.\d+\.conv1\.weight/] },
  {
    name: 'llama.cpp transformer',
    marks: [/^blk\.\d+\.(attn|ffn)_/],
    block: /^blk\.(\d+)\./,
    hidden: /^token_embd\.weight$/,
  },
  { name: 'transformer', marks: [/Transformer/], block: /[Ll]ayer_(\d+)/ },
  // Before what attends: recurrent networks do that, too.
  { name: 'LSTM/GRU network', marks: [/weight_hh|(^|[._/])(rnn|lstm|gru)/i] },
  { name: 'transformer', marks: [/attn|attention/i], block: /(?:layers?|blocks?|h)[._](\d+)\b/ },
];

/** The key under which diffusers names the class of a pipeline, or of a part of one. */
const PIPELINE_CLASS = '_class_name';

/** Names are looked at up to twice this many: a guess need not read 100 000. */
const MAX_NAMES = 10_000;

/**
 * @param config the model's configuration
 * @param metadata the checkpoint's own: GGUF says its architecture there
 * @param tied the output matrix is the embedding
 */
export function guessArchitecture(
  tensors: readonly TensorInfo[],
  config: ModelConfig['fields'],
  metadata: Readonly<Record<string, string>> = {},
  tied = false,
): string {
  if (metadata[PIPELINE_CLASS] !== undefined) return pipelineName(metadata[PIPELINE_CLASS], tensors);
  // The beginning as it is, then some of the rest: all blocks are to be counted.
  const step = Math.ceil(tensors.length / MAX_NAMES);
  const looked = tensors.filter((_, index) => index < MAX_NAMES || index % step === 0);
  const family = FAMILIES.find(({ marks }) => marks.every((mark) => looked.some(({ name }) => mark.test(name))));
  const details: string[] = [];
  const declared = metadata['general.architecture']?.slice(0, 80) ?? configuredName(config);
  if (family?.block) {
    const blocks = new Set(
      looked.map(({ name }) => family.block!.exec(name)?.[1]).filter((block) => block !== undefined),
    );
    if (blocks.size > 0) details.push(`${blocks.size} ${agreeing(blocks.size, 'block')}`);
  }
  const hidden = family?.hidden && looked.find(({ name, shape }) => family.hidden!.test(name) && shape.length === 2);
  if (hidden) details.push(`hidden ${hidden.shape[1]!}`);
  if (tied) details.push('output tied to the embedding');
  const matrices = looked.filter(({ shape }) => shape.length === 2).length;
  const fallback = looked.some(isConvolution)
    ? 'convolutional network'
    : matrices > 0
      ? 'dense network'
      : 'no matrices';
  const name = declared ?? family?.name ?? fallback;
  return details.length > 0 ? `${name} (${details.join(', ')})` : name;
}

/** A kernel of two or three axes of space, or one that says what it is. Masks have one head and one channel at most. */
function isConvolution({ name, shape, notModel }: TensorInfo): boolean {
  if (notModel !== undefined || shape.length < 3 || shape.length > 5) return false;
  if (shape.length === 3) return /conv/i.test(name);
  return shape.filter((size) => size > 1).length >= 2 && !(shape[0] === 1 && shape[1] === 1);
}

/** A pipeline of diffusers: its class, and the parts that have weights. */
function pipelineName(className: string, tensors: readonly TensorInfo[]): string {
  const parts = new Set(tensors.map(({ name }) => name.slice(0, name.indexOf('/'))));
  return `${className.slice(0, 80)} (${[...parts].join(', ')})`;
}

/** transformers has `architectures` and `model_type`, diffusers one class. */
function configuredName(config: ModelConfig['fields']): string | undefined {
  const { architectures, model_type: modelType, [PIPELINE_CLASS]: className } = config;
  const first: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  return [first, className, modelType].find((name) => typeof name === 'string')?.slice(0, 80);
}
