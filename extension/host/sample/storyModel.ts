/**
 * A sample made of seeded random numbers: the names, shapes and configuration of a small Llama, as story models have them,
 * and rows whose weights are scaled so that each spectrum has a power-law tail of a chosen exponent. It is not trained, and
 * says so in its metadata.
 *
 * @see Mahoney & Martin 2019 (arXiv 1901.08276), section 4: matrices with heavy-tailed rows have heavy-tailed spectra
 */

/** As in stories15M, the Llama that tells stories in llama2.c; of its 32 000 words, the sample has fewer. */
const HIDDEN = 288;
const MLP = 768;
const BLOCKS = 6;
const HEADS = 6;
const VOCABULARY = 1024;

/** A plain random matrix, without a tail. */
const RANDOM = null;

export interface SampleTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /**
   * Exponent a of the law p(s²) ∝ s^(−2a) of the rows' scales s; null for a random matrix; absent for a norm's vector of
   * ones. The spectrum's own tail is steeper, because rows of finite length are not orthogonal.
   */
  readonly alpha?: number | null;
}

/** What its header says, for everyone who finds the file later. */
export const SAMPLE_METADATA: Readonly<Record<string, string>> = {
  format: 'pt',
  description:
    'Made by Eigenscope from seeded random numbers, with the names and shapes of a small Llama. It is not trained and tells no stories. ' +
    'The rows of each matrix are scaled by a power law, so that its spectrum has a heavy tail: the heaviest in the last down_proj, none in the first k_proj.',
};

/** What transformers calls a Llama of these sizes. */
export const SAMPLE_CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: HIDDEN,
  intermediate_size: MLP,
  num_hidden_layers: BLOCKS,
  num_attention_heads: HEADS,
  num_key_value_heads: HEADS,
  vocab_size: VOCABULARY,
  rms_norm_eps: 1e-5,
  hidden_act: 'silu',
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
} as const;

/** In the order of the file. */
export function sampleTensors(): SampleTensor[] {
  const tensors: SampleTensor[] = [{ name: 'model.embed_tokens.weight', shape: [VOCABULARY, HIDDEN], alpha: 2.3 }];
  for (let block = 0; block < BLOCKS; block++) {
    const at = (name: string): string => `model.layers.${block}.${name}.weight`;
    const depth = block / (BLOCKS - 1);
    const attention = (name: string, alpha: number | null): number =>
      tensors.push({ name: at(`self_attn.${name}_proj`), shape: [HIDDEN, HIDDEN], alpha });
    const mlp = (name: string, shape: number[], alpha: number): number =>
      tensors.push({ name: at(`mlp.${name}_proj`), shape, alpha });
    tensors.push({ name: at('input_layernorm'), shape: [HIDDEN] });
    attention('q', 2.1 + 0.6 * depth);
    attention('k', block === 0 ? RANDOM : 2.2 + 0.6 * depth);
    attention('v', 2.5 + 0.6 * depth);
    attention('o', 2.4 + 0.6 * depth);
    tensors.push({ name: at('post_attention_layernorm'), shape: [HIDDEN] });
    mlp('gate', [MLP, HIDDEN], 2.4 + 0.4 * depth);
    mlp('up', [MLP, HIDDEN], 2.6 + 0.4 * depth);
    mlp('down', [HIDDEN, MLP], block === BLOCKS - 1 ? 1.6 : 2.6 + 0.4 * depth);
  }
  tensors.push({ name: 'model.norm.weight', shape: [HIDDEN] });
  tensors.push({ name: 'lm_head.weight', shape: [VOCABULARY, HIDDEN], alpha: 2.3 });
  return tensors;
}

/** The file's header: its length in eight bytes, then JSON. */
export function sampleHeader(tensors: readonly SampleTensor[]): Buffer {
  let at = 0;
  const entries = tensors.map(({ name, shape }) => {
    const begin = at;
    at += 2 * count(shape);
    return [name, { dtype: 'BF16', shape, data_offsets: [begin, at] }] as const;
  });
  const json = JSON.stringify({ __metadata__: SAMPLE_METADATA, ...Object.fromEntries(entries) });
  const text = Buffer.from(json.padEnd(8 * Math.ceil(json.length / 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text]);
}

/** @param seed another one for each tensor. @returns the elements as stored, BF16 */
export function sampleElements({ shape, alpha }: SampleTensor, seed: number): Uint8Array {
  const values = new Float32Array(count(shape));
  if (alpha === undefined) values.fill(1);
  else fillMatrix(values, shape, alpha, seed);
  return bfloat16(values);
}

/** Gaussian rows of a random matrix; row i is scaled by the quantile of its place in a Pareto law for λ. */
function fillMatrix(values: Float32Array, shape: readonly number[], alpha: number | null, seed: number): void {
  const [rows = 1, cols = 1] = shape;
  const random = uniform(seed);
  const order = Array.from({ length: rows }, (_, i) => i);
  for (let i = rows - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  const unit = 0.6 / Math.sqrt(Math.max(rows, cols));
  for (let row = 0; row < rows; row++) {
    // p(λ) ∝ λ^(−α) has the quantile function (1 − u)^(−1/(α − 1)), and λ is the square of the scale.
    const scale = alpha === null ? 1 : ((order[row]! + 0.5) / rows) ** (-1 / (2 * (alpha - 1)));
    for (let col = 0; col < cols; col++) values[row * cols + col] = unit * scale * normal(random);
  }
}

/** A standard normal number (Box & Muller 1958). */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Numbers in [0, 1) (mulberry32). */
function uniform(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The upper half of each float32, rounded to nearest. Little-endian, as the file is. */
function bfloat16(values: Float32Array): Uint8Array {
  const bits = new Uint32Array(values.buffer);
  const bytes = new DataView(new ArrayBuffer(2 * values.length));
  for (let i = 0; i < bits.length; i++) bytes.setUint16(2 * i, (bits[i]! + 0x8000) >>> 16, true);
  return new Uint8Array(bytes.buffer);
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
