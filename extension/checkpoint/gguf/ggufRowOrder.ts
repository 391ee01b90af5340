/**
 * In which order llama.cpp's convert script writes the rows of a weight. For some architectures it turns the rotary
 * embedding's two halves of each head of q and k, [head, half, pair], into neighbours, [head, pair, half].
 *
 * @see https://github.com/ggml-org/llama.cpp/blob/master/convert_hf_to_gguf.py (`LlamaModel.permute`)
 */
import { own } from '../quantised/quantisationConfig';

/** Architectures whose q and k are written so by every version of the script. */
const PAIRED: ReadonlySet<string> = new Set(['llama', 'granite', 'olmo', 'smollm3', 'arcee', 'deepseek']);

/** By version, or by where the model came from, their order is another one: the file does not say which. */
const UNCERTAIN: ReadonlySet<string> = new Set(['mistral3', 'minicpm']);

/** q, k and v in one, regrouped by heads. */
const REGROUPED: ReadonlySet<string> = new Set(['gptneox', 'falcon', 'bloom']);

const QUERY_OR_KEY = /(^|\.)attn_([qk])\.(weight|bias)$/;
const ALL_IN_ONE = /(^|\.)attn_qkv\.(weight|bias)$/;

export type RowOrder =
  /** As Hugging Face's models have them. */
  | { readonly kind: 'same' }
  /** The rows of each of so many heads are paired. */
  | { readonly kind: 'paired'; readonly heads: number }
  /** Words that follow the weight's name. */
  | { readonly kind: 'unknown'; readonly why: string };

/**
 * @param name llama.cpp's own, of a tensor
 * @param rows of the tensor
 */
export function ggufRowOrder(name: string, rows: number, metadata: Readonly<Record<string, string>>): RowOrder {
  const architecture = own(metadata, 'general.architecture');
  if (typeof architecture !== 'string') return { kind: 'same' };
  const unknown = (why: string): RowOrder => ({ kind: 'unknown', why });
  if (ALL_IN_ONE.test(name) && REGROUPED.has(architecture)) {
    return unknown(
      `has the rows of q, k and v in an order of llama.cpp's own (${architecture}), which is not undone here`,
    );
  }
  const [, , part] = QUERY_OR_KEY.exec(name) ?? [];
  if (part === undefined) return { kind: 'same' };
  if (UNCERTAIN.has(architecture)) {
    return unknown(`has its rows in an order that a file of ${architecture} does not tell`);
  }
  if (!PAIRED.has(architecture)) return { kind: 'same' };
  const count = (key: string): string | undefined => {
    const value = own(metadata, `${architecture}.attention.${key}`);
    return typeof value === 'string' ? value : undefined;
  };
  const given = (part === 'k' ? count('head_count_kv') : undefined) ?? count('head_count');
  const heads = given !== undefined && /^\d{1,6}$/.test(given) ? Number(given) : 0;
  if (heads > 0 && rows % (2 * heads) === 0) return { kind: 'paired', heads };
  const said = given === undefined ? 'its metadata names no number of heads' : `its metadata names ${given} heads`;
  return unknown(`has its rows in the order of its heads, but ${said} for ${rows} rows`);
}

/** Rows of one matrix, [head, pair, half], as [head, half, pair]. @param bytes row-major */
export function unpairedRows(bytes: Uint8Array, rows: number, heads: number): Uint8Array {
  const rowBytes = bytes.length / rows;
  const half = rows / heads / 2;
  const result = new Uint8Array(bytes.length);
  for (let row = 0; row < rows; row++) {
    const [head, within] = [Math.floor(row / (2 * half)), row % (2 * half)];
    const from = head * 2 * half + 2 * (within % half) + Math.floor(within / half);
    result.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  return result;
}
