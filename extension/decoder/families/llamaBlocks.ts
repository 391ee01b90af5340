/**
 * What the relatives of Llama share: RMSNorm, rotary embeddings, grouped queries, a gated MLP, and the names of modules. A family
 * says what it does otherwise.
 */
import type { ConfigFields } from '../config/configFields';
import { ropeOf, type Rope } from '../config/rope';
import { activationOf } from '../graphs/activations';
import type { BlockDescription, DecoderDescription, Experts, Linear, MlpRole, Norm, NormRole } from './family';

export interface LlamaLike {
  readonly headSize: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly biases?: { readonly qkv?: boolean; readonly o?: boolean; readonly mlp?: boolean };
  /** RMSNorm of q and k over each head. */
  readonly headNorms?: boolean;
  /** Norm weights lack 1. */
  readonly plusOne?: boolean;
  readonly order?: 'before' | 'around';
  /** headSize^-½ unless given. */
  readonly scale?: number;
  readonly softCap?: number;
  readonly activation: string;
  readonly epsilon: number;
  /** q, k and v are one module, and gate and up. */
  readonly fused?: boolean;
  readonly rope: (layer: number) => Rope;
  /** Tokens that a token of this layer sees; undefined if all. */
  readonly window?: (layer: number) => number | undefined;
  /** In place of the MLP; undefined for layers that have one. */
  readonly experts?: (
    layer: number,
    block: string,
  ) => { readonly router: Linear; readonly sharedGate?: Linear; readonly experts: Experts } | undefined;
}

/** Heads and their size; `head_dim` may be left out. */
export function headsOf(
  config: ConfigFields,
  usual: { heads?: number; keyValueHeads?: number; headSize?: number } = {},
): { heads: number; keyValueHeads: number; headSize: number } {
  const heads = config.size('num_attention_heads', usual.heads);
  const keyValueHeads = config.size('num_key_value_heads', usual.keyValueHeads ?? heads);
  if (heads % keyValueHeads !== 0) {
    throw config.unsupported(`${heads} heads of queries for ${keyValueHeads} of keys, which do not divide`);
  }
  const derived = usual.headSize ?? config.size('hidden_size') / heads;
  return { heads, keyValueHeads, headSize: config.size('head_dim', derived) };
}

/** The usual heads and rotation of a config in Llama's words. */
export function usualShape(
  config: ConfigFields,
  { keyValueHeads, headSize, theta }: { keyValueHeads?: number; headSize?: number; theta?: number } = {},
): Pick<LlamaLike, 'heads' | 'keyValueHeads' | 'headSize' | 'rope'> {
  const heads = headsOf(config, {
    ...(keyValueHeads !== undefined && { keyValueHeads }),
    ...(headSize !== undefined && { headSize }),
  });
  const rope = ropeOf(config, heads.headSize, theta === undefined ? {} : { theta });
  return { ...heads, rope: () => rope };
}

/** Modules of a gated MLP. */
export function gatedMlp(
  name: string,
  hidden: number,
  bias: boolean,
  names: { gate: string; up: string; down: string } = { gate: 'gate_proj', up: 'up_proj', down: 'down_proj' },
): Record<'gate' | 'up' | 'down', Linear> {
  return {
    gate: { name: `${name}.${names.gate}`, bias, inputs: hidden },
    up: { name: `${name}.${names.up}`, bias, inputs: hidden },
    down: { name: `${name}.${names.down}`, bias, outputs: hidden },
  };
}

export function llamaBlock(config: ConfigFields, layer: number, options: LlamaLike): BlockDescription {
  const { heads, keyValueHeads, headSize, biases = {}, fused = false, order = 'before' } = options;
  const hidden = config.size('hidden_size');
  const name = `model.layers.${layer}`;
  const { qkv = false, o = false, mlp = false } = biases;
  const [query, key] = [heads * headSize, keyValueHeads * headSize];
  const attention = (module: string, sizes: Partial<Linear>, bias = qkv): Linear => ({
    ...{ name: `${name}.self_attn.${module}`, bias },
    ...sizes,
  });
  const norm = (module: string): Norm => ({
    ...{ name: `${name}.${module}`, bias: false },
    ...(options.plusOne && { plusOne: true as const }),
  });
  const norms: Partial<Record<NormRole, Norm>> = {
    attention: norm('input_layernorm'),
    ...(order === 'before'
      ? { mlp: norm('post_attention_layernorm') }
      : {
          attentionAfter: norm('post_attention_layernorm'),
          mlp: norm('pre_feedforward_layernorm'),
          mlpAfter: norm('post_feedforward_layernorm'),
        }),
    ...(options.headNorms && { q: norm('self_attn.q_norm'), k: norm('self_attn.k_norm') }),
  };
  const mixture = options.experts?.(layer, name);
  const gated = gatedMlp(`${name}.mlp`, hidden, mlp);
  const own: Partial<Record<MlpRole, Linear>> = fused
    ? { gateUp: { name: `${name}.mlp.gate_up_proj`, bias: mlp, inputs: hidden }, down: gated.down }
    : gated;
  const rope = options.rope(layer);
  const epsilon = { form: 'rms', epsilon: options.epsilon } as const;
  const window = options.window?.(layer);
  return {
    name,
    kind: {
      attention: {
        ...{ heads, keyValueHeads, headSize, rotated: rope.rotated },
        layout: fused ? 'stacked' : 'separate',
        scale: options.scale ?? headSize ** -0.5,
        ...(options.softCap !== undefined && { softCap: options.softCap }),
        ...(options.headNorms && { headNorm: epsilon }),
      },
      norm: epsilon,
      order,
      mlp: {
        ...{ form: 'gated', activation: activationOf(config, options.activation) },
        // Experts have modules of their own.
        ...(fused && { fused: true as const }),
      },
    },
    linears: {
      ...(fused
        ? { qkv: attention('qkv_proj', { outputs: query + 2 * key, inputs: hidden }) }
        : {
            q: attention('q_proj', { outputs: query, inputs: hidden, rotatedHeads: heads }),
            k: attention('k_proj', { outputs: key, inputs: hidden, rotatedHeads: keyValueHeads }),
            v: attention('v_proj', { outputs: key, inputs: hidden }),
          }),
      o: attention('o_proj', { outputs: hidden, inputs: query }, o),
      ...(mixture ? { router: mixture.router, ...(mixture.sharedGate && { sharedGate: mixture.sharedGate }) } : own),
    },
    norms,
    rope,
    ...(window !== undefined && { window }),
    ...(mixture && { experts: mixture.experts }),
  };
}

export interface LlamaModel extends LlamaLike {
  /** Of the configuration, if it does not say. */
  readonly tied: boolean;
  readonly embeddingScale?: number;
  readonly headSoftCap?: number;
}

/** A whole model of such blocks. */
export function llamaModel(config: ConfigFields, options: LlamaModel): DecoderDescription {
  const positions = config.optionalSize('max_position_embeddings');
  return {
    hidden: config.size('hidden_size'),
    ...(positions !== undefined && { positions }),
    embedding: {
      weight: 'model.embed_tokens.weight',
      ...(options.embeddingScale !== undefined && { scale: options.embeddingScale }),
    },
    blocks: Array.from({ length: config.size('num_hidden_layers') }, (_, layer) => llamaBlock(config, layer, options)),
    head: {
      norm: { name: 'model.norm', bias: false, ...(options.plusOne && { plusOne: true as const }) },
      normKind: { form: 'rms', epsilon: options.epsilon },
      weight: 'lm_head.weight',
      tied: config.flag('tie_word_embeddings', options.tied),
      ...(options.headSoftCap !== undefined && { softCap: options.headSoftCap }),
    },
  };
}
