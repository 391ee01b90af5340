/** Large checkpoints made on the spot: real headers, weights that are holes in sparse files or seeded random numbers. */
import { mkdirSync, openSync, writeSync, ftruncateSync, closeSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface MadeTensor {
  name: string;
  shape: number[];
  /** Set if it is not of the type that all others are. */
  stored?: { dtype: string; elementBytes: number };
}

/** Header of a safetensors file of tensors of one dtype, but for those that name another, laid out one after the other. */
export function safetensorsHeader(tensors: readonly MadeTensor[], dtype: string, elementBytes: number) {
  let offset = 0;
  const entries = tensors.map(({ name, shape, stored = { dtype, elementBytes } }) => {
    const bytes = shape.reduce((product, size) => product * size, stored.elementBytes);
    const entry = [name, { dtype: stored.dtype, shape, data_offsets: [offset, offset + bytes] }] as const;
    offset += bytes;
    return entry;
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const header = Buffer.alloc(8 + padded.length);
  header.writeBigUInt64LE(BigInt(padded.length));
  padded.copy(header, 8);
  return { header, dataBytes: offset };
}

/** All zeros, and no blocks on the disk. */
function writeSparse(file: string, tensors: readonly MadeTensor[], dtype: string, elementBytes: number): void {
  const { header, dataBytes } = safetensorsHeader(tensors, dtype, elementBytes);
  const handle = openSync(file, 'w');
  writeSync(handle, header);
  ftruncateSync(handle, header.length + dataBytes);
  closeSync(handle);
}

/** Blocks of LLaMA-2-7B. */
export const LLAMA_7B_BLOCKS = 32;

/** One block of LLaMA-2-7B: seven matrices and two vectors. */
function llama7bBlock(block: number, hidden = 4096): MadeTensor[] {
  const tensors: MadeTensor[] = [];
  const add = (name: string, shape: number[]): number =>
    tensors.push({ name: `model.layers.${block}.${name}.weight`, shape });
  for (const projection of ['q', 'k', 'v', 'o']) add(`self_attn.${projection}_proj`, [hidden, hidden]);
  add('mlp.gate_proj', [11008, hidden]);
  add('mlp.up_proj', [11008, hidden]);
  add('mlp.down_proj', [hidden, 11008]);
  add('input_layernorm', [hidden]);
  add('post_attention_layernorm', [hidden]);
  return tensors;
}

/**
 * The blocks of LLaMA-2-7B without its embeddings, in BF16: seeded heavy-tailed numbers, a file for each block, 405 MB each.
 * All weights are cut out of the same numbers, each from another place on.
 *
 * @returns the index's path
 */
export function makeLlama7bBlocks(folder: string, blocks = LLAMA_7B_BLOCKS): string {
  mkdirSync(folder, { recursive: true });
  const numbers = heavyTailedBf16(1 << 26, 7);
  const weightMap: Record<string, string> = {};
  let from = 0;
  for (let block = 0; block < blocks; block++) {
    const tensors = llama7bBlock(block);
    const file = `block-${block}.safetensors`;
    const handle = openSync(path.join(folder, file), 'w');
    writeSync(handle, safetensorsHeader(tensors, 'BF16', 2).header);
    for (const { name, shape } of tensors) {
      const count = shape.reduce((product, size) => product * size);
      from = (from + 1_000_003) % (numbers.length - count);
      writeSync(handle, numbers, 2 * from, 2 * count);
      weightMap[name] = file;
    }
    closeSync(handle);
  }
  const index = path.join(folder, 'model.safetensors.index.json');
  writeFileSync(index, JSON.stringify({ metadata: {}, weight_map: weightMap }));
  return index;
}

/** LLaMA-2-7B's 291 tensors in F16, in `shards` sparse files with an index. @returns the index's path */
export function makeLlama7b(folder: string, shards = 3): string {
  mkdirSync(folder, { recursive: true });
  const hidden = 4096;
  const tensors: MadeTensor[] = [{ name: 'model.embed_tokens.weight', shape: [32000, hidden] }];
  for (let block = 0; block < LLAMA_7B_BLOCKS; block++) tensors.push(...llama7bBlock(block, hidden));
  tensors.push({ name: 'model.norm.weight', shape: [hidden] }, { name: 'lm_head.weight', shape: [32000, hidden] });
  writeFileSync(
    path.join(folder, 'config.json'),
    JSON.stringify({ architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_size: hidden }),
  );
  return writeSparseShards(folder, tensors, shards, 'F16', 2);
}

/** As many tensors a shard as in every other, in sparse files with an index. @returns the index's path */
function writeSparseShards(
  folder: string,
  tensors: readonly MadeTensor[],
  shards: number,
  dtype: string,
  elementBytes: number,
): string {
  const weightMap: Record<string, string> = {};
  const perShard = Math.ceil(tensors.length / shards);
  for (let shard = 0; shard < shards; shard++) {
    const number = (value: number): string => String(value).padStart(5, '0');
    const file = `model-${number(shard + 1)}-of-${number(shards)}.safetensors`;
    const part = tensors.slice(shard * perShard, (shard + 1) * perShard);
    writeSparse(path.join(folder, file), part, dtype, elementBytes);
    for (const { name } of part) weightMap[name] = file;
  }
  const index = path.join(folder, 'model.safetensors.index.json');
  writeFileSync(index, JSON.stringify({ metadata: {}, weight_map: weightMap }));
  return index;
}

/** Sizes of the mixture of experts below, after DeepSeek-V3: blocks, those of them without experts, and its shards. */
const TERABYTE = { hidden: 7168, blocks: 61, dense: 3, shards: 163 } as const;
/** Rows and columns of a weight that share a scale. */
const SCALE_BLOCK = 128;

/**
 * A mixture of experts of 1 TB in 163 sparse shards with an index: some 90 000 tensors, either all of them BF16 weights,
 * or FP8 weights of half as many experts, each with its matrix of scales.
 *
 * @returns the index's path
 */
export function makeTerabyte(folder: string, kind: 'plain' | 'scaled'): string {
  mkdirSync(folder, { recursive: true });
  const { hidden, blocks, dense, shards } = TERABYTE;
  const experts = kind === 'plain' ? 512 : 256;
  const width = kind === 'plain' ? 784 : 3136;
  const tensors: MadeTensor[] = [{ name: 'model.embed_tokens.weight', shape: [129280, hidden] }];
  const add = (name: string, rows: number, cols: number): void => {
    if (kind === 'plain') {
      tensors.push({ name: `${name}.weight`, shape: [rows, cols] });
      return;
    }
    const scales = [Math.ceil(rows / SCALE_BLOCK), Math.ceil(cols / SCALE_BLOCK)];
    tensors.push(
      { name: `${name}.weight`, shape: [rows, cols], stored: { dtype: 'F8_E4M3', elementBytes: 1 } },
      { name: `${name}.weight_scale_inv`, shape: scales, stored: { dtype: 'F32', elementBytes: 4 } },
    );
  };
  const feedForward = (name: string, inner: number): void => {
    add(`${name}.gate_proj`, inner, hidden);
    add(`${name}.up_proj`, inner, hidden);
    add(`${name}.down_proj`, hidden, inner);
  };
  for (let block = 0; block < blocks; block++) {
    const prefix = `model.layers.${block}`;
    add(`${prefix}.self_attn.q_a_proj`, 1536, hidden);
    add(`${prefix}.self_attn.q_b_proj`, 24576, 1536);
    add(`${prefix}.self_attn.kv_a_proj_with_mqa`, 576, hidden);
    add(`${prefix}.self_attn.kv_b_proj`, 32768, 512);
    add(`${prefix}.self_attn.o_proj`, hidden, 16384);
    tensors.push({ name: `${prefix}.input_layernorm.weight`, shape: [hidden] });
    tensors.push({ name: `${prefix}.post_attention_layernorm.weight`, shape: [hidden] });
    if (block < dense) {
      feedForward(`${prefix}.mlp`, 18432);
      continue;
    }
    tensors.push({ name: `${prefix}.mlp.gate.weight`, shape: [experts, hidden] });
    feedForward(`${prefix}.mlp.shared_experts`, 2048);
    for (let expert = 0; expert < experts; expert++) feedForward(`${prefix}.mlp.experts.${expert}`, width);
  }
  tensors.push({ name: 'model.norm.weight', shape: [hidden] }, { name: 'lm_head.weight', shape: [129280, hidden] });
  const quantisation = { quant_method: 'fp8', fmt: 'e4m3', weight_block_size: [SCALE_BLOCK, SCALE_BLOCK] };
  const config = {
    architectures: ['DeepseekV3ForCausalLM'],
    model_type: 'deepseek_v3',
    ...(kind === 'scaled' && { quantization_config: quantisation }),
  };
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
  return writeSparseShards(folder, tensors, shards, 'BF16', 2);
}

/** Sizes of TinyLlama-1.1B. */
export const LLAMA_1B = { hidden: 2048, feedForward: 5632, keyValue: 256, vocabulary: 32000 } as const;
/** Blocks of the whole model. */
export const LLAMA_1B_BLOCKS = 22;

/**
 * A LLaMA of 1.1 billion parameters in BF16, with seeded heavy-tailed numbers in every weight: 2.2 GB with all blocks.
 *
 * @returns the file's path
 */
export function makeLlama1b(folder: string, blocks = LLAMA_1B_BLOCKS): string {
  mkdirSync(folder, { recursive: true });
  const { hidden, feedForward, keyValue, vocabulary } = LLAMA_1B;
  const tensors: MadeTensor[] = [{ name: 'model.embed_tokens.weight', shape: [vocabulary, hidden] }];
  for (let block = 0; block < blocks; block++) {
    const add = (name: string, ...shape: number[]): number =>
      tensors.push({ name: `model.layers.${block}.${name}.weight`, shape });
    add('self_attn.q_proj', hidden, hidden);
    add('self_attn.k_proj', keyValue, hidden);
    add('self_attn.v_proj', keyValue, hidden);
    add('self_attn.o_proj', hidden, hidden);
    add('mlp.gate_proj', feedForward, hidden);
    add('mlp.up_proj', feedForward, hidden);
    add('mlp.down_proj', hidden, feedForward);
    add('input_layernorm', hidden);
    add('post_attention_layernorm', hidden);
  }
  tensors.push({ name: 'model.norm.weight', shape: [hidden] }, { name: 'lm_head.weight', shape: [vocabulary, hidden] });
  return writeHeavyTailed(path.join(folder, `llama-1b-${blocks}-blocks.safetensors`), tensors);
}

/** A BF16 safetensors file of seeded heavy-tailed numbers. @returns its path */
export function writeHeavyTailed(file: string, tensors: readonly MadeTensor[]): string {
  const { header } = safetensorsHeader(tensors, 'BF16', 2);
  const handle = openSync(file, 'w');
  writeSync(handle, header);
  for (const [index, { shape }] of tensors.entries()) {
    const count = shape.reduce((product, size) => product * size);
    writeSync(handle, heavyTailedBf16(count, index));
  }
  closeSync(handle);
  return file;
}

/** Quantiles of |x| ~ u^(−0.3), around the size of trained weights, as BF16. */
const heavyTail = Uint16Array.from({ length: 65536 }, (_, index) => {
  const u = (2 * index + 1) / 65536 - 1;
  const bits = new Uint32Array(Float32Array.of(0.01 * Math.sign(u) * (1 - Math.abs(u)) ** -0.3).buffer);
  return bits[0]! >>> 16;
});

function heavyTailedBf16(count: number, seed: number): Uint16Array {
  const values = new Uint16Array(count);
  const next = generator(seed);
  for (let index = 0; index < count; index++) values[index] = heavyTail[Math.floor(65536 * next())]!;
  return values;
}

/** 100 000 tensors of a mixture of experts, 64 × 64 in F32, in one sparse file. @returns its path */
export function makeManyTensors(folder: string, count = 100_000): string {
  mkdirSync(folder, { recursive: true });
  const tensors = Array.from({ length: count }, (_, index): MadeTensor => {
    const layer = Math.floor(index / 1000);
    const part = ['gate_proj', 'up_proj', 'down_proj', 'norm'][index % 4]!;
    const name = `model.layers.${layer}.mlp.experts.${Math.floor((index % 1000) / 4)}.${part}.weight`;
    return { name, shape: part === 'norm' ? [64] : [64, 64] };
  });
  const file = path.join(folder, 'many.safetensors');
  writeSparse(file, tensors, 'F32', 4);
  return file;
}

/** One rows × cols F32 matrix of seeded standard normal numbers. @returns its path */
export function makeRandomMatrix(folder: string, rows: number, cols: number, seed = 1): string {
  mkdirSync(folder, { recursive: true });
  const { header } = safetensorsHeader([{ name: 'weight', shape: [rows, cols] }], 'F32', 4);
  const values = new Float32Array(rows * cols);
  const next = generator(seed);
  for (let index = 0; index < values.length; index += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    values[index] = radius * Math.cos(angle);
    if (index + 1 < values.length) values[index + 1] = radius * Math.sin(angle);
  }
  const file = path.join(folder, `random-${rows}x${cols}.safetensors`);
  writeFileSync(file, Buffer.concat([header, Buffer.from(values.buffer)]));
  return file;
}

/** Uniform numbers in [0, 1): mulberry32. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A small F32 safetensors file of the values given, row-major. */
export function writeSafetensors(
  file: string,
  tensors: readonly (MadeTensor & { values: readonly number[] | Float32Array })[],
): string {
  const { header } = safetensorsHeader(tensors, 'F32', 4);
  const data = tensors.map(({ values }) => Buffer.from(Float32Array.from(values).buffer));
  writeFileSync(file, Buffer.concat([header, ...data]));
  return file;
}

/** Seeded uniform numbers in [−1, 1). */
export function uniform(count: number, seed: number): Float32Array {
  const next = generator(seed);
  return Float32Array.from({ length: count }, () => 2 * next() - 1);
}
