/**
 * A GGUF file's metadata as Hugging Face's configuration says the same.
 *
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 * @see https://github.com/ggml-org/llama.cpp/blob/master/src/llama-model.cpp what the metadata does not say
 */
import type { Model } from '../../checkpoint/openModel';
import { own } from '../../checkpoint/quantised/quantisationConfig';
import { singles } from '../weights/singles';

/** `model_type` by `general.architecture`. */
const TYPES: Readonly<Record<string, string>> = {
  gemma3: 'gemma3_text',
  gptneox: 'gpt_neox',
  qwen2moe: 'qwen2_moe',
  qwen3moe: 'qwen3_moe',
};

/** Fields by the key behind the architecture's name. Several fields: families call one number differently. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  context_length: ['max_position_embeddings', 'n_positions'],
  embedding_length: ['hidden_size', 'n_embd'],
  block_count: ['num_hidden_layers', 'n_layer'],
  feed_forward_length: ['intermediate_size', 'n_inner'],
  'attention.head_count': ['num_attention_heads', 'n_head'],
  'attention.head_count_kv': ['num_key_value_heads'],
  'attention.key_length': ['head_dim'],
  'attention.layer_norm_rms_epsilon': ['rms_norm_eps'],
  'attention.layer_norm_epsilon': ['layer_norm_eps', 'layer_norm_epsilon'],
  'attention.sliding_window': ['sliding_window'],
  'rope.freq_base': ['rope_theta'],
  expert_count: ['num_local_experts', 'num_experts'],
  expert_used_count: ['num_experts_per_tok'],
  expert_feed_forward_length: ['moe_intermediate_size'],
  expert_shared_feed_forward_length: ['shared_expert_intermediate_size'],
  attn_logit_softcapping: ['attn_logit_softcapping'],
  final_logit_softcapping: ['final_logit_softcapping'],
};

/** Blocks of the 27B models of Gemma 2 and 3: their queries are scaled by hidden size / heads. */
const GEMMA_27B: Readonly<Record<string, number>> = { gemma2: 46, gemma3: 62 };

/** @throws CheckpointError, AbortError */
export async function ggufFields(model: Model, signal?: AbortSignal): Promise<Record<string, unknown>> {
  const { metadata } = model;
  const architecture = own(metadata, 'general.architecture');
  if (typeof architecture !== 'string') return {};
  const text = (key: string): string | undefined => own(metadata, `${architecture}.${key}`) as string | undefined;
  const fields: Record<string, unknown> = {};
  for (const [key, names] of Object.entries(KEYS)) {
    const value = text(key);
    for (const name of names) if (value !== undefined) fields[name] = uniform(value);
  }
  const [heads, hidden] = [Number(fields['num_attention_heads']), Number(fields['hidden_size'])];
  const headSize = Number(fields['head_dim'] ?? hidden / heads);
  const turned = text('rope.dimension_count');
  if (turned !== undefined) fields['partial_rotary_factor'] = Number(turned) / headSize;
  const experts = Number(fields['num_experts'] ?? 0) > 0;
  const big = GEMMA_27B[architecture] === fields['num_hidden_layers'];
  const scaling = await ropeScaling(model, text, signal);
  const parallel = text('use_parallel_residual');
  return {
    ...fields,
    // Mixtral's files have the architecture of Llama.
    model_type: architecture === 'llama' && experts ? 'mixtral' : (TYPES[architecture] ?? architecture),
    query_pre_attn_scalar: big ? hidden / heads : headSize,
    ...(parallel !== undefined && { use_parallel_residual: parallel !== 'false' && parallel !== '0' }),
    ...(scaling && { rope_scaling: scaling }),
  };
}

/** A number, or the one number that a list has throughout. */
function uniform(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((each) => each === value[0]) ? value[0] : value;
  } catch {
    return text;
  }
}

async function ropeScaling(
  model: Model,
  text: (key: string) => string | undefined,
  signal?: AbortSignal,
): Promise<Record<string, unknown> | undefined> {
  const numbers = async (name: string): Promise<number[] | undefined> => {
    const tensor = model.tensors.find((each) => each.name === name);
    return tensor && [...singles(await model.read(tensor, undefined, signal), tensor.dtype)];
  };
  // Llama 3's, worked out by the convert script.
  const divisors = await numbers('rope_freqs.weight');
  if (divisors) return { rope_type: 'divided', divisors };
  const number = (key: string): number | undefined => (text(key) === undefined ? undefined : Number(text(key)));
  const original = number('rope.scaling.original_context_length');
  const shared = {
    ...(original !== undefined && { original_max_position_embeddings: original }),
    ...(number('rope.scaling.factor') !== undefined && { factor: number('rope.scaling.factor') }),
  };
  const [long, short] = [await numbers('rope_factors_long.weight'), await numbers('rope_factors_short.weight')];
  if (long && short) {
    const magnitude = number('rope.scaling.attn_factor');
    return {
      ...{ rope_type: 'longrope', long_factor: long, short_factor: short, ...shared },
      ...(magnitude !== undefined && { attention_factor: magnitude }),
    };
  }
  const type = text('rope.scaling.type');
  return type === undefined || type === 'none' ? undefined : { rope_type: type, ...shared };
}
