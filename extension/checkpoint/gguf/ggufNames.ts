/**
 * llama.cpp's tensor names in the spelling of Hugging Face's models: `blk.0.attn_q.weight` is
 * `model.layers.0.self_attn.q_proj.weight`. Only architectures whose spelling is certain have one. The rows of q and k of
 * `llama` stand in another order in GGUF (for RoPE), which no singular value notices; stacked experts have no one name.
 *
 * @see https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/tensor_mapping.py
 */

interface Spelling {
  /** Names of modules outside of blocks. */
  readonly model: Readonly<Record<string, string>>;
  /** What stands before a block's number. */
  readonly blocks: string;
  /** Names of modules in a block. */
  readonly block: Readonly<Record<string, string>>;
}

const LLAMA: Spelling = {
  model: { token_embd: 'model.embed_tokens', output_norm: 'model.norm', output: 'lm_head' },
  blocks: 'model.layers',
  block: {
    attn_norm: 'input_layernorm',
    attn_q: 'self_attn.q_proj',
    attn_k: 'self_attn.k_proj',
    attn_v: 'self_attn.v_proj',
    attn_qkv: 'self_attn.qkv_proj',
    attn_output: 'self_attn.o_proj',
    attn_q_norm: 'self_attn.q_norm',
    attn_k_norm: 'self_attn.k_norm',
    ffn_norm: 'post_attention_layernorm',
    ffn_gate: 'mlp.gate_proj',
    ffn_up: 'mlp.up_proj',
    ffn_down: 'mlp.down_proj',
  },
};

/** Mixtral's GGUF files have the architecture of Llama. */
const MIXTRAL = withBlock(LLAMA, { ffn_gate_inp: 'block_sparse_moe.gate' });

/** Norms on both sides of each part. */
const GEMMA = withBlock(LLAMA, {
  post_attention_norm: 'post_attention_layernorm',
  ffn_norm: 'pre_feedforward_layernorm',
  post_ffw_norm: 'post_feedforward_layernorm',
});

const OLMO2 = withBlock(LLAMA, {
  post_attention_norm: 'post_attention_layernorm',
  post_ffw_norm: 'post_feedforward_layernorm',
});

const QWEN_MOE = withBlock(LLAMA, {
  ffn_gate_inp: 'mlp.gate',
  ffn_gate_inp_shexp: 'mlp.shared_expert_gate',
  ffn_gate_shexp: 'mlp.shared_expert.gate_proj',
  ffn_up_shexp: 'mlp.shared_expert.up_proj',
  ffn_down_shexp: 'mlp.shared_expert.down_proj',
});

const DEEPSEEK = withBlock(LLAMA, {
  attn_q_a: 'self_attn.q_a_proj',
  attn_q_a_norm: 'self_attn.q_a_layernorm',
  attn_q_b: 'self_attn.q_b_proj',
  attn_kv_a_mqa: 'self_attn.kv_a_proj_with_mqa',
  attn_kv_a_norm: 'self_attn.kv_a_layernorm',
  attn_kv_b: 'self_attn.kv_b_proj',
  ffn_gate_inp: 'mlp.gate',
  ffn_gate_shexp: 'mlp.shared_experts.gate_proj',
  ffn_up_shexp: 'mlp.shared_experts.up_proj',
  ffn_down_shexp: 'mlp.shared_experts.down_proj',
});

const GPT_OSS = withBlock(LLAMA, {
  post_attention_norm: 'post_attention_layernorm',
  ffn_gate_inp: 'mlp.router',
});

const GLM4 = withBlock(LLAMA, {
  post_attention_norm: 'post_self_attn_layernorm',
  ffn_up: 'mlp.gate_up_proj',
  post_ffw_norm: 'post_mlp_layernorm',
});

const PHI2: Spelling = {
  model: { token_embd: 'model.embed_tokens', output_norm: 'model.final_layernorm', output: 'lm_head' },
  blocks: 'model.layers',
  block: {
    attn_norm: 'input_layernorm',
    attn_q: 'self_attn.q_proj',
    attn_k: 'self_attn.k_proj',
    attn_v: 'self_attn.v_proj',
    attn_output: 'self_attn.dense',
    ffn_up: 'mlp.fc1',
    ffn_down: 'mlp.fc2',
  },
};

/** Its norms have names that differ from size to size. */
const FALCON: Spelling = {
  model: { token_embd: 'transformer.word_embeddings', output_norm: 'transformer.ln_f', output: 'lm_head' },
  blocks: 'transformer.h',
  block: {
    attn_qkv: 'self_attention.query_key_value',
    attn_output: 'self_attention.dense',
    ffn_up: 'mlp.dense_h_to_4h',
    ffn_down: 'mlp.dense_4h_to_h',
  },
};

const GPT2: Spelling = {
  model: {
    token_embd: 'transformer.wte',
    position_embd: 'transformer.wpe',
    output_norm: 'transformer.ln_f',
    output: 'lm_head',
  },
  blocks: 'transformer.h',
  block: {
    attn_norm: 'ln_1',
    attn_qkv: 'attn.c_attn',
    attn_output: 'attn.c_proj',
    ffn_norm: 'ln_2',
    ffn_up: 'mlp.c_fc',
    ffn_down: 'mlp.c_proj',
  },
};

const GPT_NEOX: Spelling = {
  model: { token_embd: 'gpt_neox.embed_in', output_norm: 'gpt_neox.final_layer_norm', output: 'embed_out' },
  blocks: 'gpt_neox.layers',
  block: {
    attn_norm: 'input_layernorm',
    attn_qkv: 'attention.query_key_value',
    attn_output: 'attention.dense',
    ffn_norm: 'post_attention_layernorm',
    ffn_up: 'mlp.dense_h_to_4h',
    ffn_down: 'mlp.dense_4h_to_h',
  },
};

const BERT: Spelling = {
  model: {
    token_embd: 'embeddings.word_embeddings',
    token_embd_norm: 'embeddings.LayerNorm',
    token_types: 'embeddings.token_type_embeddings',
    position_embd: 'embeddings.position_embeddings',
  },
  blocks: 'encoder.layer',
  block: {
    attn_q: 'attention.self.query',
    attn_k: 'attention.self.key',
    attn_v: 'attention.self.value',
    attn_output: 'attention.output.dense',
    attn_output_norm: 'attention.output.LayerNorm',
    ffn_up: 'intermediate.dense',
    ffn_down: 'output.dense',
    layer_output_norm: 'output.LayerNorm',
  },
};

/** By `general.architecture`. */
const SPELLINGS: ReadonlyMap<string, Spelling> = new Map([
  ['llama', MIXTRAL],
  ...[
    'mistral3',
    'qwen2',
    'qwen2vl',
    'qwen3',
    'gemma',
    'olmo',
    'stablelm',
    'granite',
    'smollm3',
    'minicpm',
    'command-r',
    'cohere2',
    'nemotron',
    'arcee',
    'ernie4_5',
  ].map((name) => [name, LLAMA] as const),
  ...['gemma2', 'gemma3'].map((name) => [name, GEMMA] as const),
  ...['qwen2moe', 'qwen3moe', 'olmoe'].map((name) => [name, QWEN_MOE] as const),
  ...['deepseek', 'deepseek2'].map((name) => [name, DEEPSEEK] as const),
  ['olmo2', OLMO2],
  ['phi3', withBlock(LLAMA, { ffn_up: 'mlp.gate_up_proj' })],
  ['starcoder2', withBlock(LLAMA, { ffn_up: 'mlp.c_fc', ffn_down: 'mlp.c_proj' })],
  ['glm4', GLM4],
  ['gpt-oss', GPT_OSS],
  ['phi2', PHI2],
  ['falcon', FALCON],
  ['gpt2', GPT2],
  ['gptneox', GPT_NEOX],
  ['bert', BERT],
]);

/** Architectures whose names are known. */
export const SPELLED_ARCHITECTURES: readonly string[] = [...SPELLINGS.keys()];

/** Undefined where the architecture or the tensor has no known name. */
export function huggingFaceName(name: string, architecture: string | undefined): string | undefined {
  const spelling = SPELLINGS.get(architecture ?? '');
  const parts = /^(?:blk\.(\d+)\.)?([a-z0-9_]+)\.(weight|bias)$/.exec(name);
  if (!spelling || !parts) return undefined;
  const [, number, module, part] = parts as unknown as [string, string | undefined, string, string];
  const names = number === undefined ? spelling.model : spelling.block;
  if (!Object.hasOwn(names, module)) return undefined;
  return `${number === undefined ? '' : `${spelling.blocks}.${number}.`}${names[module]!}.${part}`;
}

/**
 * Names that models give the matrix of one expert, or the stack that it lies in, of a stack of llama.cpp's
 * (`blk.3.ffn_up_exps.weight`). Gate and up read the same inputs: both go by the names of the two in one.
 */
export function huggingFaceExperts(name: string, architecture: string, expert: number): string[] {
  const spelling = SPELLINGS.get(architecture);
  const [, number, kind] = /^blk\.(\d+)\.ffn_(gate|up|down)_exps\.weight$/.exec(name) ?? [];
  if (!spelling || number === undefined || kind === undefined) return [];
  const block = `${spelling.blocks}.${number}.`;
  const { own, mixtral, stack } = EXPERTS[kind as keyof typeof EXPERTS];
  return [
    `${block}mlp.experts.${expert}.${own}.weight`,
    `${block}block_sparse_moe.experts.${expert}.${mixtral}.weight`,
    ...stack.map((each) => `${block}mlp.experts.${each}[${expert}]`),
  ];
}

const EXPERTS = {
  gate: { own: 'gate_proj', mixtral: 'w1', stack: ['gate_proj', 'gate_up_proj'] },
  up: { own: 'up_proj', mixtral: 'w3', stack: ['up_proj', 'gate_up_proj'] },
  down: { own: 'down_proj', mixtral: 'w2', stack: ['down_proj'] },
} as const;

function withBlock(spelling: Spelling, block: Spelling['block']): Spelling {
  return { ...spelling, block: { ...spelling.block, ...block } };
}
