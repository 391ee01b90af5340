/**
 * Projections that programs store as one matrix: q, k and v; gate and up. The tensor's name says that it is one, and
 * the kind of model says in which order its rows stand. If that is not certain, nothing is offered: a wrong q would
 * look like a right one.
 *
 * Layouts are those of the models' code in Hugging Face's transformers (`models/<type>/modeling_<type>.py`), of
 * PyTorch's `nn.MultiheadAttention`, timm's `Attention` and llama.cpp.
 */
import { l10n } from '../../shared/language/l10n';
import type { Runs } from '../../shared/tensors';
import { MAX_PARTS, type PartsOfMatrix, type Section, type MatrixDescription } from './matrixDescription';
import { HEADS_UNKNOWN, type ModelSizes } from '../../shared/modelSizes';
import { consecutive, grouped, oneRun } from './runs';

/** What is known, or why nothing is, in words. */
export type Found = PartsOfMatrix | string | undefined;

type Layout = (matrix: MatrixDescription) => Found;

const QKV = ['q', 'k', 'v'];
const GATE_UP = ['gate', 'up'];

/** The first whose pattern the name has. */
const LAYOUTS: readonly { readonly name: RegExp; readonly layout: Layout }[] = [
  { name: /crossattention\.c_attn\.weight$/, layout: crossAttention },
  { name: /(^|\.)c_attn\.weight$/, layout: gpt2 },
  { name: /(^|\.)query_key_value\.weight$/, layout: queryKeyValue },
  { name: /(^|\.)qkv_proj\.weight$/, layout: ofTypes(['phi3', 'phi3_v', 'phi4mm', 'phi4_multimodal'], qkvInOrder) },
  { name: /(^|\.)wqkv\.weight$/, layout: ofTypes(['internlm2'], qkvInGroups) },
  // MPT, DBRX, ModernBERT, FlashAttention's own modules.
  { name: /(^|\.)Wqkv\.weight$/, layout: (matrix) => (knowsHeads(matrix) ? qkvInOrder(matrix) : qkvThirds(matrix)) },
  { name: /^blk\.\d+\.attn_qkv\.weight$/, layout: qkvInOrder },
  { name: /(^|\.)W_pack\.weight$/, layout: qkvThirds },
  { name: /(^|[._])in_proj_weight$/, layout: qkvThirds },
  { name: /(^|\.)blocks\.\d+\.attn\.qkv\.weight$/, layout: qkvThirds },
  { name: /(^|\.)experts\.gate_up_proj(\.weight)?$/, layout: expertsGateUp },
  { name: /(^|\.)gate_up_proj\.weight$/, layout: halves },
  { name: /(^|\.)mlp\.dense_h_to_4h\.weight$/, layout: ofTypes(['chatglm'], halves) },
  { name: /^blk\.\d+\.ffn_up\.weight$/, layout: gatedFeedForward },
  { name: /(^|\.)experts\.mlp\.(w1|v1|w2)$/, layout: expertsBelowOneAnother },
];

/** The projections in a matrix; undefined where its name is not that of a fused one. */
export function fusedProjections(matrix: MatrixDescription): Found {
  return LAYOUTS.find(({ name }) => name.test(matrix.name))?.layout(matrix);
}

function ofTypes(types: readonly string[], layout: Layout): Layout {
  return (matrix) => (types.includes(matrix.sizes.type ?? '') ? layout(matrix) : unknownOrder(matrix));
}

function unknownOrder({ sizes: { type } }: MatrixDescription): string {
  return type === undefined
    ? l10n.english('the order of its rows depends on the kind of model, which no config.json beside it tells')
    : l10n.english('the order of its rows is not known for models of the type {0}', type);
}

function knowsHeads({ sizes: { heads, headSize } }: MatrixDescription): boolean {
  return heads !== undefined && headSize !== undefined;
}

/** Sizes that make a whole of q, k and v: rows of each, and heads. */
interface Attention {
  heads: number;
  keyValueHeads: number;
  headSize: number;
}

/** @returns why the sizes do not fit, in words, where they do not make up the rows */
function attention({ heads, headSize, keyValueHeads = heads }: ModelSizes, rows: number): Attention | string {
  if (heads === undefined || headSize === undefined || keyValueHeads === undefined) {
    return HEADS_UNKNOWN;
  }
  if ((heads + 2 * keyValueHeads) * headSize !== rows) {
    return l10n.english(
      'its {0} rows are not those of {1} heads of q and {2} of k and v, {3} each',
      rows,
      heads,
      keyValueHeads,
      headSize,
    );
  }
  return { heads, keyValueHeads, headSize };
}

function sections(labels: readonly string[], runs: readonly Runs[], heads: readonly number[] = []): Section[] {
  return labels.map((label, i) => ({
    ...{ label, runs: runs[i]! },
    ...(heads[i] !== undefined && { heads: heads[i] }),
  }));
}

/** All of q, then all of k, then all of v. */
function inOrder({ heads, keyValueHeads, headSize }: Attention): PartsOfMatrix {
  const counts = [heads, keyValueHeads, keyValueHeads];
  return { axis: 'rows', sections: sections(QKV, consecutive(counts.map((count) => count * headSize)), counts) };
}

/** For each head of k and v: the heads of q that go with it, its k, its v. */
function inGroups({ heads, keyValueHeads, headSize }: Attention): PartsOfMatrix | string {
  if (heads % keyValueHeads !== 0)
    return l10n.english('{0} heads of q cannot share {1} of k and v', heads, keyValueHeads);
  const runs = grouped([(heads / keyValueHeads) * headSize, headSize, headSize], keyValueHeads);
  return { axis: 'rows', sections: sections(QKV, runs, [heads, keyValueHeads, keyValueHeads]) };
}

function qkvInOrder({ rows, sizes }: MatrixDescription): Found {
  const found = attention(sizes, rows);
  return typeof found === 'string' ? found : inOrder(found);
}

function qkvInGroups({ rows, sizes }: MatrixDescription): Found {
  const found = attention(sizes, rows);
  return typeof found === 'string' ? found : inGroups(found);
}

/** q, k and v of a size each, whose heads matter only where they are known. */
function thirds(size: number, axis: 'rows' | 'cols', { heads }: ModelSizes): PartsOfMatrix {
  const third = size / 3;
  const known = heads !== undefined && third % heads === 0 ? [heads, heads, heads] : [];
  return { axis, sections: sections(QKV, consecutive([third, third, third]), known) };
}

function qkvThirds({ rows, cols, sizes }: MatrixDescription): Found {
  return rows === 3 * cols ? thirds(rows, 'rows', sizes) : undefined;
}

/** GPT-2's Conv1D is in × out; the Linear of others that call it so is out × in. */
function gpt2(matrix: MatrixDescription): Found {
  const { rows, cols, sizes } = matrix;
  if (sizes.type === 'gpt_bigcode') {
    if (sizes.multiQuery === false) return perHead(matrix);
    return multiQuery(matrix);
  }
  if (cols === 3 * rows) return thirds(cols, 'cols', sizes);
  if (rows !== 3 * cols) return undefined;
  return sizes.type === undefined ? unknownOrder(matrix) : thirds(rows, 'rows', sizes);
}

/** GPT-2's attention to an encoder: q has a matrix of its own. */
function crossAttention({ rows, cols, sizes: { heads } }: MatrixDescription): Found {
  if (cols !== 2 * rows) return undefined;
  const known = heads !== undefined && rows % heads === 0 ? [heads, heads] : [];
  return { axis: 'cols', sections: sections(['k', 'v'], consecutive([rows, rows]), known) };
}

/** All heads of q, then the one of k, then the one of v. */
function multiQuery(matrix: MatrixDescription): Found {
  return qkvInOrder({ ...matrix, sizes: { ...matrix.sizes, keyValueHeads: 1 } });
}

/** For each head its q, k and v. */
function perHead(matrix: MatrixDescription): Found {
  const { keyValueHeads: _, ...sizes } = matrix.sizes;
  return qkvInGroups({ ...matrix, sizes });
}

function queryKeyValue(matrix: MatrixDescription): Found {
  const { sizes } = matrix;
  switch (sizes.type) {
    case 'gpt_neox':
    case 'gpt_neox_japanese':
    case 'bloom':
    case 'persimmon':
      return perHead(matrix);
    case 'phi3small':
      return qkvInGroups(matrix);
    case 'chatglm':
      return sizes.multiQuery ? qkvInOrder(matrix) : perHead(matrix);
    case 'falcon': {
      if (sizes.newDecoderArchitecture) return qkvInGroups(matrix);
      if (sizes.multiQuery === false) return perHead(matrix);
      return multiQuery(matrix);
    }
    default:
      return unknownOrder(matrix);
  }
}

function halvesOf(size: number, axis: 'rows' | 'cols'): PartsOfMatrix | undefined {
  return size % 2 === 0 ? { axis, sections: sections(GATE_UP, consecutive([size / 2, size / 2])) } : undefined;
}

function halves({ rows }: MatrixDescription): Found {
  return halvesOf(rows, 'rows');
}

/** Models whose `ffn_up` llama.cpp stores with the gate before it. */
const GATE_IN_UP = ['phi3', 'chatglm', 'glm4'];

function gatedFeedForward({ name, rows, cols, sizes, shapeOf }: MatrixDescription): Found {
  if (!GATE_IN_UP.includes(sizes.type ?? '')) return undefined;
  const down = shapeOf(name.replace('ffn_up', 'ffn_down'));
  return down?.[1] === rows / 2 && down[0] === cols ? halvesOf(rows, 'rows') : undefined;
}

/** A matrix an expert: out × in (most), or in × out (Llama 4, gpt-oss). gpt-oss has gate and up take turns. */
function expertsGateUp(matrix: MatrixDescription): Found {
  const { rows, cols, stacked, sizes } = matrix;
  const { hidden, type } = sizes;
  if (!stacked) return undefined;
  if (type === undefined || hidden === undefined) return unknownOrder(matrix);
  if ((rows === hidden) === (cols === hidden))
    return l10n.english('which of its sides is the hidden size {0} is not certain', hidden);
  const [axis, size] = cols === hidden ? (['rows', rows] as const) : (['cols', cols] as const);
  if (type !== 'gpt_oss') return halvesOf(size, axis);
  if (size % 2 !== 0) return undefined;
  const turns = [0, 1].map((start): Runs => ({ start, length: 1, step: 2, count: size / 2 }));
  return { axis, sections: sections(GATE_UP, turns) };
}

/** DBRX: the experts' matrices below one another in one. */
function expertsBelowOneAnother({ rows, stacked, sizes: { experts, type } }: MatrixDescription): Found {
  if (stacked || type !== 'dbrx' || experts === undefined) return undefined;
  if (rows % experts !== 0 || experts > MAX_PARTS) return undefined;
  const size = rows / experts;
  return {
    axis: 'rows',
    sections: Array.from({ length: experts }, (_, i) => ({ label: String(i), runs: oneRun(i * size, size) })),
  };
}
