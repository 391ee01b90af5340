/** A LLaMA-shaped checkpoint with heavy-tailed spectra, made from a seed: looks like the real thing, needs no file. */
import { isOfModel } from '../../../extension/shared/layerFindings';
import type {
  FitRule,
  InspectSettings,
  LayerResult,
  LayerSpectrum,
  ShuffledSpectrum,
} from '../../../extension/shared/layers';
import type { CheckpointSummary, TensorSummary } from '../../../extension/shared/tensors';
import { spectralMetrics } from '../../../extension/spectral/metrics/metrics';
import { MeasuredSpectrum, Spectrum } from '../../../extension/spectral/metrics/spectrum';
import { fitPowerLaw } from '../../../extension/spectral/tail/powerLaw';
import { rankSuggestions } from '../../../extension/spectral/ranks/ranks';
import { tailShape } from '../../../extension/spectral/tail/tailShape';

export const mockSettings: InspectSettings = {
  farms: { enabled: true, rows: 2000, q: 1, ops: 10, fit: 'xmin_peak', mode: 'auto', tolerance: 0.01 },
};

/** mulberry32: small, seeded, the same in every browser. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function tensor(name: string, shape: number[], dtype: TensorSummary['dtype'], group = ''): TensorSummary {
  const parameters = shape.reduce((product, size) => product * size, 1);
  const bytes = parameters * (dtype === 'F32' ? 4 : 2);
  const spectrum = shape.length >= 2;
  return {
    ...{ name, group, shape, dtype, parameters, bytes, layers: spectrum ? [name] : [] },
    ...(!spectrum && { noSpectrum: '1-D tensor' }),
    ...(group.startsWith('optimizer') && { notModel: 'optimizer state' }),
  };
}

export const LLAMA_BLOCKS = 12;
const HIDDEN = 512;
const INNER = 1376;

/** `blocks` transformer blocks of nine tensors each, plus embedding, norm and head. */
export function llama(blocks: number): TensorSummary[] {
  const list = [tensor('model.embed_tokens.weight', [32000, HIDDEN], 'BF16')];
  for (let block = 0; block < blocks; block++) {
    const name = (part: string): string => `model.layers.${block}.${part}.weight`;
    for (const part of ['q_proj', 'k_proj', 'v_proj', 'o_proj']) {
      list.push(tensor(name(`self_attn.${part}`), [HIDDEN, HIDDEN], 'BF16'));
    }
    for (const part of ['gate_proj', 'up_proj']) list.push(tensor(name(`mlp.${part}`), [INNER, HIDDEN], 'BF16'));
    list.push(tensor(name('mlp.down_proj'), [HIDDEN, INNER], 'BF16'));
    for (const part of ['input_layernorm', 'post_attention_layernorm']) list.push(tensor(name(part), [HIDDEN], 'F32'));
  }
  list.push(tensor('model.norm.weight', [HIDDEN], 'F32'), tensor('lm_head.weight', [32000, HIDDEN], 'BF16'));
  return list;
}

/** As many blocks and roles as the largest published models have, of small matrices. */
export function deep(): TensorSummary[] {
  const attention = ['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((part) => `self_attn.${part}`);
  const forward = ['gate', 'gate_proj', 'up_proj', 'down_proj', 'shared_experts.up_proj'].map((part) => `mlp.${part}`);
  return Array.from({ length: 126 }, (_, block) =>
    [...attention, ...forward].map((part) => tensor(`model.layers.${block}.${part}.weight`, [40, 32], 'BF16')),
  ).flat();
}

/** Very many small tensors in blocks, with no end of experts. */
export function manyTensors(count: number): TensorSummary[] {
  return Array.from({ length: count }, (_, i) =>
    tensor(`model.layers.${Math.floor(i / 1000)}.mlp.experts.${i % 1000}.up_proj.weight`, [64, 32 + (i % 7)], 'BF16'),
  );
}

/** Tensors of a kind each: wrapper groups, convolutions, stacks, tied weights, zeros, integers, names that are markup. */
export function oddities(): TensorSummary[] {
  const conv = tensor('conv1.weight', [64, 32, 3, 3], 'F32', 'state_dict');
  const stack = tensor('experts.w1', [4, 128, 96], 'F16', 'state_dict');
  stack.layers = [0, 1, 2, 3].map((expert) => `experts.w1[${expert}]`);
  const tied = { ...tensor('head.weight', [512, 256], 'F32', 'state_dict'), sharedWith: 'embed.weight' };
  const moment = tensor('embed.weight.exp_avg', [512, 256], 'F32', 'optimizer.state');
  const step = { ...tensor('step', [], 'I64', 'optimizer.state'), noSpectrum: 'scalar' };
  const markup = tensor('<img src=x onerror=alert(1)>.weight', [64, 64], 'F32', 'state_dict');
  const broken = tensor('broken.weight', [256, 256], 'F32', 'state_dict');
  const tiny = tensor('tiny.weight', [8, 6], 'F32', 'state_dict');
  const zero = tensor('zero.weight', [32, 24], 'F32', 'state_dict');
  const embed = tensor('embed.weight', [512, 256], 'F32', 'state_dict');
  return [embed, conv, stack, tied, broken, tiny, zero, markup, moment, step];
}

/** A LoRA pair and what it adds, as the engine lists it. */
export function adapter(): TensorSummary[] {
  const a = tensor('h.0.attn.lora_A.weight', [8, 768], 'F32');
  const b = tensor('h.0.attn.lora_B.weight', [768, 8], 'F32');
  const delta = tensor('h.0.attn.delta_weight', [768, 768], 'F32');
  return [a, b, { ...delta, encoding: 'LoRA r=8', parameters: 0, bytes: 0 }];
}

/** What real files bring: long names, quantised types with long ones, shapes of eight digits, stacks of experts. */
export function longNames(): TensorSummary[] {
  const quantised = (name: string, shape: number[], encoding: string): TensorSummary => {
    const info = { ...tensor(name, shape, 'F16'), encoding };
    return { ...info, bytes: Math.round(info.parameters * 0.53) };
  };
  const text = 'model.language_model.layers';
  const vision = 'model.vision_tower.vision_model.encoder.layers';
  const list = [tensor('model.language_model.embed_tokens.weight', [25600000, 64], 'BF16')];
  for (const block of [0, 1, 2, 3, 10, 26]) {
    for (const part of ['q_proj', 'k_proj', 'down_proj']) {
      const encoding = part === 'k_proj' ? 'compressed-tensors int4 g128' : 'MatMulNBits 4-bit g128';
      list.push(quantised(`${text}.${block}.self_attn.${part}.weight`, [1024, 320], encoding));
    }
    list.push(tensor(`${text}.${block}.post_attention_layernorm.weight`, [5120], 'F32'));
    const base = `${vision}.${block}.self_attn.out_proj.base_layer.parametrizations.weight.original0`;
    list.push({ ...quantised(base, [1152, 288], 'GPTQ 4-bit g128'), alias: `v.blk.${block}.attn_out.weight` });
    list.push(tensor(`${vision}.${block}.patch_embedding.conv.weight`, [96, 32, 3, 3], 'F8_E4M3'));
  }
  const experts = quantised(`${text}.3.mlp.experts.gate_up_proj`, [8, 288, 144], 'MXFP4');
  experts.layers = Array.from({ length: 8 }, (_, expert) => `${experts.name}[${expert}]`);
  return [...list, experts, quantised('lm_head.weight', [151936, 256], 'IQ3_XXS')];
}

/** What the engine says of a product: nothing beyond its factors' rank, no windows, ranks counted against the factors. */
function asProduct(spectrum: LayerSpectrum): LayerSpectrum {
  const { layer, eigenvalues } = spectrum;
  const rank = 8;
  const values = eigenvalues.map((value, i) => (i < eigenvalues.length - rank ? 0 : value));
  const { break_even: _, ...ranks } = rankSuggestions(new Spectrum(values, 768, 768), 768, 768).ranks;
  for (const suggestion of Object.values(ranks)) suggestion.ratio = suggestion.rank / rank;
  return {
    ...spectrum,
    ...{ eigenvalues: values, rankEigenvalues: values, farmsEigenvalues: new Float64Array(0) },
    layer: {
      ...{ ...layer, ranks, farms: null, encoding: 'LoRA r=8' },
      missing: { farms_alpha: 'a product that is not stored has no windows to take' },
      factored: { factors: ['h.0.attn.lora_B.weight', 'h.0.attn.lora_A.weight'], rank, scale: 2, directions: 4 },
    },
  };
}

export function summaryOf(path: string, architecture: string, tensors: TensorSummary[]): CheckpointSummary {
  const byType = new Map<TensorSummary['dtype'], number>();
  const state = tensors.filter((each) => !isOfModel(each));
  const weights = tensors.filter((each) => !state.includes(each));
  for (const { dtype, parameters } of weights) byType.set(dtype, (byType.get(dtype) ?? 0) + parameters);
  const total = (key: 'parameters' | 'bytes'): number => weights.reduce((sum, each) => sum + each[key], 0);
  return {
    ...{ document: 'mock', path, format: 'safetensors', files: [path], version: '1', weightFiles: 1 },
    ...{ parameters: total('parameters'), bytes: total('bytes'), architecture, metadata: {}, tensors, problems: [] },
    ...(state.length > 0 && {
      optimizer: { tensors: state.length, bytes: state.reduce((sum, { bytes }) => sum + bytes, 0) },
    }),
    dtypes: [...byType]
      .map(([dtype, parameters]) => ({ dtype, parameters }))
      .sort((a, b) => b.parameters - a.parameters),
  };
}

/** A random bulk with a Pareto tail: λ ascending. `alpha` is the exponent of the tail's density. */
function heavyTailed(count: number, rows: number, alpha: number, draw: () => number): Float64Array {
  const q = rows / count;
  const values = Float64Array.from({ length: count }, (_, i) => {
    if (i > 0.3 * count) {
      // Inside the Marchenko–Pastur support, denser towards its lower edge.
      const [low, high] = [(1 - 1 / Math.sqrt(q + 0.02)) ** 2, (1 + 1 / Math.sqrt(q)) ** 2];
      return 0.2 * (low + (high - low) * draw() ** 1.8) + 1e-4;
    }
    // From just above the bulk's edge on.
    return 0.21 * (1 + 1 / Math.sqrt(q)) ** 2 * (1 - draw()) ** (-1 / (alpha - 1));
  });
  return values.sort();
}

function seedOf(name: string): number {
  let hash = 7;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash, 31) + name.charCodeAt(i);
  return hash;
}

/** All of a layer, the same for the same name. @param farmsCount values of the pooled FARMS spectrum */
export function spectrumOf(info: TensorSummary, layerName: string, farmsCount?: number): LayerSpectrum {
  const draw = random(seedOf(layerName));
  const sides =
    info.shape.length === 3
      ? info.shape.slice(1)
      : [info.shape[0]!, info.shape.slice(1).reduce((product, size) => product * size, 1)];
  const [rows, cols] = sides as [number, number];
  const N = Math.max(rows, cols);
  const M = Math.min(rows, cols);
  // Some of these are to be over-trained, some under-trained, with the evidence for it.
  const varied = layerName.includes('down_proj');
  const alpha = !varied ? 2.1 + 2.2 * draw() : draw() < 0.3 ? 1.5 + 0.2 * draw() : 3 + 6 * draw();
  const zero = layerName === 'zero.weight';
  const eigenvalues = zero ? new Float64Array(M) : heavyTailed(M, N, alpha, draw);
  const farmsEigenvalues = zero
    ? new Float64Array(5 * M)
    : heavyTailed(farmsCount ?? 5 * M, farmsCount ?? N, alpha + 0.2, draw);
  const rules: FitRule[] = ['KS', 'xmin_mid', 'xmin_peak'];
  const fits = Object.fromEntries(rules.map((rule) => [rule, fitPowerLaw(eigenvalues, rule)])) as LayerResult['fits'];
  // By a rule that follows their tail, not their bulk: no shape is to explain those alphas.
  const farms = fitPowerLaw(farmsEigenvalues, varied ? 'KS' : 'xmin_peak');
  const bins = 60;
  const edges = Float64Array.from({ length: bins + 1 }, (_, i) => -0.15 + (0.3 * i) / bins);
  const counts = edges
    .slice(1)
    .map((edge) => Math.round(info.parameters * 0.06 * Math.exp(-(((edge - 0.0025) / 0.03) ** 2))));
  const measured = new MeasuredSpectrum({ eigenvalues, N, M, fits });
  const layer: LayerResult = {
    ...{ name: layerName, tensor: info.name, shape: info.shape, dtype: info.dtype },
    ...{ matrices: info.shape.length === 4 ? 9 : 1, N, M, fits, problems: [], precision: 'float64 cpu', elapsed: 812 },
    metrics: spectralMetrics(measured).metrics,
    tail_shape: tailShape(eigenvalues, fits.KS!),
    farms: {
      ...farms,
      ...{ windows: 24, windows_total: 100, window: [256, 256], mode: 'adaptive', num_row_samples: 2000, Q_ratio: 1 },
      ...{ sampling_ops_per_dim: 10, seed: 1 },
      ...(farms.alpha !== null && { interval: [farms.alpha * 0.993, farms.alpha * 1.007] }),
    },
    ranks: rankSuggestions(measured, rows, cols).ranks,
    statistics: {
      ...{ count: info.parameters, min: -0.1431, max: 0.1388, mean: 1.21e-5, std: 0.0212, l2: 15.35 },
      zeros: zero ? info.parameters : 12,
      ...{ nan: 0, inf: 0 },
    },
  };
  const spectrum: LayerSpectrum = {
    layer,
    eigenvalues,
    farmsEigenvalues,
    rankEigenvalues: eigenvalues,
    rankMatrix: { rows, cols },
    histogram: { edges, counts },
  };
  return info.encoding === 'LoRA r=8' ? asProduct(spectrum) : spectrum;
}

/** A bulk without a tail, as the entries of a layer have it in random order. */
export function shuffledOf(info: TensorSummary, layer: string): ShuffledSpectrum {
  const { eigenvalues, layer: result } = spectrumOf(info, layer);
  const edge = result.metrics.lambda_plus ?? eigenvalues.at(-1)!;
  const shuffled = eigenvalues.map((_, i) => edge * (0.05 + (0.95 * (i + 1)) / eigenvalues.length));
  return { eigenvalues: shuffled, seed: 7, shuffles: 2, edge: { mean: edge, sd: 0.01 * edge, threshold: 1.05 * edge } };
}

/** A tensor that has statistics and nothing else, with the reason. */
function plainResult(info: TensorSummary, name = info.name): LayerResult {
  const statistics = { ...{ count: info.parameters, min: 0.2, max: 1.4, mean: 0.9, std: 0.11, l2: 20.1 }, zeros: 0 };
  return {
    ...{ name, tensor: info.name, shape: info.shape, dtype: info.dtype, matrices: 0, metrics: {}, fits: {} },
    ...{ farms: null, ranks: {}, statistics: { ...statistics, nan: 0, inf: 0 }, problems: [] },
    ...(info.noSpectrum !== undefined && { noSpectrum: info.noSpectrum }),
  };
}

function brokenResult(info: TensorSummary): LayerResult {
  const plain = plainResult(info);
  const message = `${info.name} holds 3 NaN, the first at element 77: it gets no spectrum.`;
  return {
    ...plain,
    statistics: { ...plain.statistics!, nan: 3, first_not_finite: 77 },
    noSpectrum: 'it holds NaN or Inf',
    problems: [{ code: 'not-finite', message, tensor: info.name }],
  };
}

export function resultOf(info: TensorSummary, layer: string): LayerResult {
  if (info.name === 'broken.weight') return brokenResult(info);
  return info.layers.length === 0 ? plainResult(info) : spectrumOf(info, layer).layer;
}

export function resultsOf(tensors: readonly TensorSummary[]): LayerResult[] {
  return tensors.flatMap((info) =>
    (info.layers.length > 0 ? info.layers : [info.name]).map((layer) => resultOf(info, layer)),
  );
}

export const llamaResults = (): LayerResult[] => resultsOf(llama(LLAMA_BLOCKS));
