/**
 * What a model's files say of its shape: the `config.json` of Hugging Face beside the checkpoint, or GGUF's own metadata in the
 * same words. Only what decides which rows of a tensor belong together.
 *
 * @see https://huggingface.co/docs/transformers/main_classes/configuration
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import path from 'node:path';
import { type Checkpoint } from './checkpoint';
import { CheckpointError } from './checkpointError';
import { isObject, readJsonObject } from './files/jsonFile';
import { own, size, word } from './quantised/quantisationConfig';
import { folderOf } from './files/siblingPath';
import type { ModelSizes } from '../shared/modelSizes';

/** Larger ones are no model configurations. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

const CONFIG_FILE = 'config.json';

/**
 * Kinds of models whose configuration ties the two by default, and then does not say so: what the most used of them are in
 * transformers 5.18 (others, such as Llama, do not tie them unless told).
 */
const TIED_BY_DEFAULT: ReadonlySet<string> = new Set([
  ...['gpt2', 'openai-gpt', 'gpt_neo', 'gpt_bigcode', 'opt', 'bloom', 'falcon', 'mpt', 'xglm', 'mamba', 'starcoder2'],
  ...['gemma', 'gemma2', 'gemma3', 'gemma3_text', 'cohere', 'cohere2', 'smollm3'],
  ...['bert', 'roberta', 'xlm-roberta', 'camembert', 'albert', 'distilbert', 'electra', 'deberta', 'deberta-v2'],
  ...['mpnet', 'modernbert', 't5', 'mt5', 'umt5', 'longt5', 'bart', 'mbart', 'pegasus', 'm2m_100', 'marian', 'whisper'],
]);

type Fields = Readonly<Record<string, unknown>>;

/** Configurations of a model's parts, and how their tensors' names tell the part. */
const NESTED: readonly { readonly key: string; readonly name: RegExp }[] = [
  { key: 'vision_config', name: /vision|visual|image/i },
  { key: 'audio_config', name: /audio|speech/i },
  { key: 'text_config', name: /./ },
  { key: 'llm_config', name: /./ },
];

export class ModelConfig {
  /** @param source what says it, for messages: a file's name, or `its metadata` */
  constructor(
    readonly source: string | undefined,
    readonly fields: Fields,
    /** Why a file that is there says nothing. */
    readonly problem?: string,
  ) {}

  /** Sizes of the part of the model that the tensor is in. */
  sizesOf(tensor: string): ModelSizes {
    const nested = NESTED.find(({ key, name }) => isObject(own(this.fields, key)) && name.test(tensor));
    const fields = nested ? (own(this.fields, nested.key) as Fields) : this.fields;
    return sizes(fields, tensor, word(this.fields, 'model_type'));
  }

  /** The output matrix is the input embedding: stored once, or twice the same. */
  get tied(): boolean {
    return this.tieIs(true);
  }

  /** A copy of the embedding is that: the configuration ties the two, or leaves it at a default that does. */
  get copiesAreTied(): boolean {
    const kind = word(this.fields, 'model_type');
    const silent = kind !== undefined && TIED_BY_DEFAULT.has(kind) && !this.tieIs(false);
    return this.tied || silent;
  }

  /** The configuration says that the output matrix is not the embedding. */
  get untied(): boolean {
    return this.tieIs(false);
  }

  private tieIs(value: boolean): boolean {
    const text = own(this.fields, 'text_config');
    return [this.fields, text].some((fields) => isObject(fields) && own(fields, 'tie_word_embeddings') === value);
  }
}

/**
 * The configuration of a checkpoint; without fields where there is none, or none that can be read.
 *
 * @throws DOMException `AbortError` when `signal` fires
 */
export async function readModelConfig(checkpoint: Checkpoint, signal?: AbortSignal): Promise<ModelConfig> {
  if (checkpoint.format === 'gguf') return ggufConfig(checkpoint.metadata);
  const file = path.join(folderOf(checkpoint), CONFIG_FILE);
  try {
    return new ModelConfig(CONFIG_FILE, await readJsonObject(file, MAX_CONFIG_BYTES, signal));
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return new ModelConfig(undefined, {}, error.code === 'not-found' ? undefined : error.message);
  }
}

/** GGUF's metadata under Hugging Face's names. */
function ggufConfig(metadata: Checkpoint['metadata']): ModelConfig {
  const architecture = own(metadata, 'general.architecture');
  const number = (key: string): number | undefined => {
    const value = own(metadata, `${String(architecture)}.${key}`);
    return typeof value === 'string' ? Number(value) : undefined;
  };
  return new ModelConfig('its metadata', {
    model_type: architecture,
    hidden_size: number('embedding_length'),
    num_attention_heads: number('attention.head_count'),
    num_key_value_heads: number('attention.head_count_kv'),
    head_dim: number('attention.key_length'),
    v_head_dim: number('attention.value_length'),
  });
}

function sizes(fields: Fields, tensor: string, modelType: string | undefined): ModelSizes {
  const first = (...keys: string[]): number | undefined =>
    keys.map((key) => size(fields, key)).find((value) => value !== undefined);
  const attention = own(fields, 'attn_config');
  const feedForward = own(fields, 'ffn_config');
  const hidden = first('hidden_size', 'n_embd', 'd_model', 'dim');
  const heads =
    first('num_attention_heads', 'n_head', 'n_heads', 'num_heads') ??
    first(/decoder/.test(tensor) ? 'decoder_attention_heads' : 'encoder_attention_heads');
  const multiQuery = flag(fields, 'multi_query') ?? flag(fields, 'multi_query_attention');
  const newDecoderArchitecture = flag(fields, 'new_decoder_architecture');
  const nopeAndRope = [size(fields, 'qk_nope_head_dim'), size(fields, 'qk_rope_head_dim')] as const;
  const derived = hidden !== undefined && heads !== undefined && hidden % heads === 0 ? hidden / heads : undefined;
  const headSize =
    nopeAndRope[0] !== undefined && nopeAndRope[1] !== undefined
      ? nopeAndRope[0] + nopeAndRope[1]
      : (first('head_dim', 'kv_channels', 'd_kv') ?? derived);
  const keyValueHeads =
    first('num_key_value_heads', 'num_kv_heads', 'n_head_kv') ??
    (multiQuery ? first('multi_query_group_num') : undefined) ??
    (isObject(attention) ? size(attention, 'kv_n_heads') : undefined) ??
    heads;
  const type = word(fields, 'model_type') ?? modelType;
  const valueHeadSize = first('v_head_dim') ?? headSize;
  const experts = isObject(feedForward) ? size(feedForward, 'moe_num_experts') : undefined;
  return {
    ...(type !== undefined && { type }),
    ...(hidden !== undefined && { hidden }),
    ...(heads !== undefined && { heads }),
    ...(keyValueHeads !== undefined && { keyValueHeads }),
    ...(headSize !== undefined && { headSize }),
    ...(valueHeadSize !== undefined && { valueHeadSize }),
    ...(experts !== undefined && { experts }),
    ...(multiQuery !== undefined && { multiQuery }),
    ...(newDecoderArchitecture !== undefined && { newDecoderArchitecture }),
  };
}

function flag(fields: Fields, key: string): boolean | undefined {
  const value = own(fields, key);
  return typeof value === 'boolean' ? value : undefined;
}
