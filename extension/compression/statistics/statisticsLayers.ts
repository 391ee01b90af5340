/**
 * The layers of a checkpoint that statistics may belong to: which of a layer's axes are inputs, and the names that a file
 * may have it under.
 */
import type { Checkpoint, TensorInfo } from '../../checkpoint/checkpoint';
import { foldedTensor } from '../../checkpoint/wrappers/foldedTensor';
import { type LayerGeometry, layersOf } from '../../spectral/matrices';
import { CompressionError } from '../compressionError';
import { compressionMatrix, outputsFirst, type CompressionMatrix } from '../compressionMatrix';
import { factorLayout } from '../factorLayout';

/** A layer, out × in as y = Wx has it. */
export interface LayerSides {
  /** By which plans and requests know it: its tensor's name, of an expert `name[index]`. */
  readonly name: string;
  readonly tensor: TensorInfo;
  readonly outputs: number;
  /** Of a convolution: input channels times kernel positions. */
  readonly inputs: number;
  /** The stored matrix is in × out. */
  readonly inputsAreRows: boolean;
}

/** What one name of a file stands for: a layer, or the layers of a stack by their indices. */
export interface NamedLayers {
  readonly layers: readonly LayerSides[];
  readonly stacked: boolean;
}

export class StatisticsLayers {
  /** In the checkpoint's order. */
  readonly all: readonly LayerSides[];
  private readonly byName = new Map<string, NamedLayers>();

  constructor({ tensors }: Pick<Checkpoint, 'tensors'>) {
    const sides = new Sides(tensors);
    const stacks = tensors
      .map((tensor) => ({ tensor, layers: sides.of(tensor) }))
      .filter(({ layers }) => layers.length > 0);
    this.all = stacks.flatMap(({ layers }) => layers);
    // A tensor's own name comes before what another one's module is called.
    for (const { tensor, layers } of stacks) this.add(tensor.name, layers);
    for (const { tensor, layers } of stacks) {
      for (const name of [moduleOf(tensor.name), tensor.alias, tensor.alias && moduleOf(tensor.alias)]) {
        if (name !== undefined && !this.byName.has(name)) this.add(name, layers);
      }
    }
  }

  named(name: string): NamedLayers | undefined {
    return this.byName.get(name);
  }

  private add(name: string, layers: readonly LayerSides[]): void {
    const stacked = layers[0]!.name !== layers[0]!.tensor.name;
    this.byName.set(name, { layers, stacked });
    if (!stacked) return;
    layers.forEach((layer, index) => this.byName.set(`${name}[${index}]`, { layers: [layer], stacked: false }));
  }
}

/** `a.fc1` of `a.fc1.weight`, `a/dense` of `a/dense/kernel:0`; undefined for other names. */
function moduleOf(name: string): string | undefined {
  const at = Math.max(name.lastIndexOf('.'), name.lastIndexOf('/'));
  return at > 0 && /^(weight|kernel|embeddings?)(:\d+)?$/.test(name.slice(at + 1)) ? name.slice(0, at) : undefined;
}

/** Names that decide how GPT-2's modules are stored, which `factorLayout` looks for among all. */
const GPT2_TENSOR = /(^|\.)(c_attn|c_proj|c_fc|q_attn)\.(weight|bias)$/;

class Sides {
  private readonly byName: ReadonlyMap<string, TensorInfo>;
  private readonly gpt2: readonly TensorInfo[];
  private readonly shapeOf = (name: string): readonly number[] | undefined => this.byName.get(name)?.shape;

  constructor(tensors: readonly TensorInfo[]) {
    this.byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    this.gpt2 = tensors.filter(({ name }) => GPT2_TENSOR.test(name));
  }

  of(tensor: TensorInfo): LayerSides[] {
    if (tensor.notModel !== undefined || tensor.product) return [];
    return layersOf(tensor, this.shapeOf).layers.map((layer) => this.layerSides(tensor, layer));
  }

  private layerSides(stored: TensorInfo, { name, expert, axes }: LayerGeometry): LayerSides {
    const tensor = axes ? foldedTensor(stored, axes) : stored;
    const matrix = compressionMatrix(tensor.shape, tensor.kernelLayout, expert);
    const inputsAreRows = this.inputsAreRows(tensor, matrix);
    const [outputs, inputs] = inputsAreRows ? [matrix.cols, matrix.rows] : [matrix.rows, matrix.cols];
    return { name, tensor: stored, outputs, inputs, inputsAreRows };
  }

  private inputsAreRows(tensor: TensorInfo, matrix: CompressionMatrix): boolean {
    if (matrix.kind === 'expert') return tensor.inputsFirst === true;
    const { name } = tensor;
    const bias = this.byName.get(`${name.slice(0, Math.max(name.lastIndexOf('.'), name.lastIndexOf('/')) + 1)}bias`);
    try {
      return factorLayout(tensor, matrix, [...(bias ? [bias] : []), ...this.gpt2]).first === 'left';
    } catch (error) {
      // A grouped convolution: it has no factors, but it has inputs.
      if (!(error instanceof CompressionError)) throw error;
      return !outputsFirst(tensor.kernelLayout);
    }
  }
}
