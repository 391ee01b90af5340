/**
 * The A/B pairs of a LoRA adapter by its tensors' names, and what each pair's product is scaled by.
 *
 * @see https://github.com/huggingface/peft peft/tuners/lora/layer.py (`get_delta_weight`, `scaling`)
 */
import type { Factor, TensorInfo } from '../checkpoint';

/** What `adapter_config.json` says of the scale. */
export interface LoraConfig {
  readonly alpha: number;
  /** By (the end of) a module's name. */
  readonly alphaPattern: Readonly<Record<string, number>>;
  /** α/√r instead of α/r. */
  readonly rankStabilised: boolean;
}

export interface LoraPair {
  /** Name of the module that is adapted. */
  readonly module: string;
  /** The adapter, if the module has several and the names of their tensors tell. */
  readonly adapter: string | undefined;
  readonly left: Factor;
  readonly right: Factor;
  readonly rank: number;
  readonly shape: readonly number[];
  readonly scale: number;
}

/** `…lora_A.weight`, `…lora_A.default.weight`, `…lora_embedding_A.default`: module, kind, and which of the two. */
const NAME = /^(.*)\.lora_(embedding_)?([AB])(?:\.(?!weight$)([^.]+))?(?:\.weight)?$/;

export function isLoraFactor(name: string): boolean {
  // Asked of every tensor there is: almost none has as much as this in its name.
  return name.includes('.lora_') && NAME.test(name);
}

/** Pairs in the order of whichever factor comes first; a pair that contradicts itself goes to `refuse`, its tensors stay what they are. */
export function loraPairs(
  tensors: readonly TensorInfo[],
  config: LoraConfig,
  refuse: (message: string, tensor: string) => void,
): LoraPair[] {
  const parts = new Map<string, Part>();
  for (const tensor of tensors) {
    const [, module, embedding, side, adapter] = NAME.exec(tensor.name) ?? [];
    if (module === undefined || side === undefined) continue;
    const key = JSON.stringify([tensor.group, module, embedding, adapter]);
    const part = parts.get(key) ?? { module, adapter, embedding: embedding !== undefined };
    part[side as 'A' | 'B'] = tensor;
    parts.set(key, part);
  }
  return [...parts.values()].flatMap((part) => {
    const { A, B } = part;
    if (!A || !B) {
      const [present, absent] = A ? [A, 'B'] : [B!, 'A'];
      refuse(`has no lora_${absent} beside it: their product cannot be shown`, present.name);
      return [];
    }
    const pair = pairOf(part, A, B, config);
    if (typeof pair === 'string') {
      refuse(pair, A.name);
      return [];
    }
    return [pair];
  });
}

interface Part extends Pick<LoraPair, 'module' | 'adapter'> {
  readonly embedding: boolean;
  A?: TensorInfo;
  B?: TensorInfo;
}

function pairOf(
  { module, adapter, embedding }: Part,
  A: TensorInfo,
  B: TensorInfo,
  config: LoraConfig,
): LoraPair | string {
  const shapes = `A [${A.shape.join(', ')}] and B [${B.shape.join(', ')}]`;
  const [rank, ...inner] = A.shape;
  const [rows, rankOfB, ...kernel] = B.shape;
  if (!rank || !rows || inner.length === 0 || rankOfB !== rank || kernel.some((size) => size !== 1)) {
    return `is no factor of a LoRA pair: ${shapes} have no product`;
  }
  const alpha = alphaOf(module, config);
  const scale = alpha / (config.rankStabilised ? Math.sqrt(rank) : rank);
  // PEFT keeps an embedding's weight as words × features: the transpose of B·A.
  return embedding
    ? {
        ...{ module, adapter, rank, scale, shape: [inner[0]!, rows] },
        left: { tensor: A, transposed: true },
        right: { tensor: B, transposed: true },
      }
    : {
        ...{ module, adapter, rank, scale, shape: [rows, ...inner] },
        left: { tensor: B, transposed: false },
        right: { tensor: A, transposed: false },
      };
}

function alphaOf(module: string, { alpha, alphaPattern }: LoraConfig): number {
  const key = Object.keys(alphaPattern).find((name) => module === name || module.endsWith(`.${name}`));
  return key === undefined ? alpha : alphaPattern[key]!;
}
