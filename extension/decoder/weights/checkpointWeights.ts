/**
 * Weights of a checkpoint by the names of Hugging Face's models: quantised ones decoded, pairs as pairs, rows of GGUF files in
 * the order that these models have.
 */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import { elementSize } from '../../checkpoint/elements/dtype';
import { huggingFaceExperts } from '../../checkpoint/gguf/ggufNames';
import { ggufRowOrder, unpairedRows } from '../../checkpoint/gguf/ggufRowOrder';
import type { Model } from '../../checkpoint/openModel';
import { transposeSingles } from '../../linalg/kernels/transposeSingles';
import { DecoderError } from '../decoderError';
import type { Linear, Norm } from '../families/family';
import { singles } from './singles';
import type { LinearWeight, MatrixWeight, NormWeight, WeightSource } from './weightSource';

/** A tensor, or one matrix of a stack. */
interface Place {
  readonly tensor: TensorInfo;
  readonly index?: number;
}

/** Other spellings of a name: base models saved alone, and language models within larger ones. */
const SPELLINGS: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => name.replace(/^(model|transformer|gpt_neox)\./, ''),
  (name) => `language_model.${name}`,
  (name) => name.replace(/^model\./, 'model.language_model.'),
];

export class CheckpointWeights implements WeightSource {
  private readonly places = new Map<string, Place>();
  private readonly spelled: (name: string) => string;
  private readonly gguf: boolean;

  /** @param embedding the name of a weight that tells how the others are spelled */
  constructor(
    private readonly model: Model,
    embedding: string,
  ) {
    this.gguf = model.format === 'gguf';
    const architecture = model.metadata['general.architecture'] ?? '';
    for (const tensor of model.tensors) if (tensor.notModel === undefined) this.add(tensor.name, { tensor });
    for (const tensor of model.tensors) {
      if (tensor.alias !== undefined) this.add(tensor.alias, { tensor });
      const experts = this.gguf && tensor.shape.length === 3 ? tensor.shape[0]! : 0;
      for (let index = 0; index < experts; index++) {
        for (const name of huggingFaceExperts(tensor.name, architecture, index)) this.add(name, { tensor, index });
      }
    }
    this.spelled = SPELLINGS.find((spelled) => this.places.has(spelled(embedding))) ?? SPELLINGS[0]!;
  }

  /** The name by which statistics files know the weight: its module's, or that of a stack with an index. */
  statisticsName(module: string): string {
    const { tensor, index } = this.place(`${module}.weight`);
    if (index !== undefined) return `${tensor.name}[${index}]`;
    return tensor.alias === undefined ? tensor.name.replace(/\.weight$/, '') : module;
  }

  /** The weight's own name in the checkpoint; of a matrix in a stack `name[index]`. Undefined if it is not stored. */
  layerName(weight: string): string | undefined {
    const found = this.find(weight);
    return found?.index === undefined ? found?.tensor.name : `${found.tensor.name}[${found.index}]`;
  }

  /** Inputs of a module, from the header. @throws DecoderError `missing-weights` */
  inputsOf({ name, inputsFirst }: Linear): number {
    const { tensor } = this.place(`${name}.weight`);
    const turned = tensor.inputsFirst === true || (inputsFirst === true && !this.gguf);
    return tensor.shape.at(turned ? -2 : -1)!;
  }

  async linear(linear: Linear, signal?: AbortSignal): Promise<LinearWeight> {
    const { name, outputs, inputs } = linear;
    const place = this.place(`${name}.weight`);
    const matrix = await this.matrix(linear, place, signal);
    if ((outputs ?? matrix.outputs) !== matrix.outputs || (inputs ?? matrix.inputs) !== matrix.inputs) {
      throw this.missing(
        `${place.tensor.name} is ${matrix.outputs} × ${matrix.inputs} (out × in), but the configuration asks for ` +
          `${outputs ?? matrix.outputs} × ${inputs ?? matrix.inputs}; open the configuration that belongs to it`,
      );
    }
    const bias = await this.biasOf(linear, matrix.outputs, signal);
    return { matrix, ...(bias && { bias }) };
  }

  async norm({ name, bias, plusOne, plain }: Norm, size: number, signal?: AbortSignal): Promise<NormWeight> {
    if (plain) return {};
    const weight = await this.vector(`${name}.weight`, size, signal);
    const raised = plusOne && !this.gguf ? weight.map((value) => 1 + value) : weight;
    return { weight: raised, ...(bias && { bias: await this.vector(`${name}.bias`, size, signal) }) };
  }

  tableSize(name: string): { rows: number; columns: number } | undefined {
    const shape = this.find(name)?.tensor.shape;
    return shape?.length === 2 ? { rows: shape[0]!, columns: shape[1]! } : undefined;
  }

  async table(name: string, rows: { start: number; end: number }, signal?: AbortSignal): Promise<Float32Array> {
    const { tensor } = this.place(name);
    return singles(await this.model.read(tensor, rows, signal), tensor.dtype);
  }

  private async matrix(linear: Linear, { tensor, index }: Place, signal?: AbortSignal): Promise<MatrixWeight> {
    const { shape, product } = tensor;
    if (shape.length !== (index === undefined ? 2 : 3)) {
      throw this.missing(`${tensor.name} has the shape [${shape.join(', ')}], which is no matrix`);
    }
    const [rows, columns] = [shape.at(-2)!, shape.at(-1)!];
    // Our pairs are out × rank and rank × in of any module, of Conv1D too.
    const linearPair = product?.left.tensor.name.endsWith('.ALinear.weight') === true;
    const turned = tensor.inputsFirst === true || (linear.inputsFirst === true && !this.gguf && !linearPair);
    const [outputs, inputs] = turned ? [columns, rows] : [rows, columns];
    if (product && !product.base && product.scale === 1) {
      const [left, right] = [
        await this.factor(product.left, rows, product.rank, signal),
        await this.factor(product.right, product.rank, columns, signal),
      ];
      const { rank } = product;
      if (!turned) return { kind: 'pair', left, right, outputs, inputs, rank };
      // (A·B)ᵀ = Bᵀ·Aᵀ
      return {
        ...{ kind: 'pair', outputs, inputs, rank },
        left: transposeSingles(right, rank, columns),
        right: transposeSingles(left, rows, rank),
      };
    }
    const band = index === undefined ? undefined : { start: index, end: index + 1 };
    const bytes = await this.model.read(tensor, band, signal);
    const w = singles(this.ordered(linear, tensor, bytes, rows), tensor.dtype);
    return { kind: 'dense', w: turned ? transposeSingles(w, rows, columns) : w, outputs, inputs };
  }

  private async factor(
    { tensor, transposed }: { readonly tensor: TensorInfo; readonly transposed: boolean },
    rows: number,
    columns: number,
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    const w = singles(await this.model.read(tensor, undefined, signal), tensor.dtype);
    return transposed ? transposeSingles(w, columns, rows) : w;
  }

  /** Rows of q and k, as they lie in the file, in Hugging Face's order. @throws DecoderError `unsupported` if it is not known */
  ordered({ rotatedHeads }: Linear, tensor: Pick<TensorInfo, 'name'>, bytes: Uint8Array, rows: number): Uint8Array {
    if (!this.gguf || rotatedHeads === undefined) return bytes;
    const order = ggufRowOrder(tensor.name, rows, this.model.metadata);
    if (order.kind === 'unknown') throw new DecoderError('unsupported', `${tensor.name} ${order.why}`, this.model.path);
    return order.kind === 'paired' ? unpairedRows(bytes, rows, order.heads) : bytes;
  }

  /** Of a module, or of the pair that stands for it. @throws as `linear` */
  async biasOf(linear: Linear, size: number, signal?: AbortSignal): Promise<Float32Array | undefined> {
    const { name, bias } = linear;
    const found = [`${name}.bias`, `${name}.ALinear.bias`].find((each) => this.find(each) !== undefined);
    if (found === undefined) {
      if (bias) throw this.missing(`has no ${name}.bias, which the configuration asks for`);
      return undefined;
    }
    const { tensor } = this.place(found);
    const bytes = await this.readVector(tensor, size, signal);
    return singles(this.ordered(linear, tensor, bytes, size), tensor.dtype);
  }

  private async vector(name: string, size: number, signal?: AbortSignal): Promise<Float32Array> {
    const { tensor } = this.place(name);
    return singles(await this.readVector(tensor, size, signal), tensor.dtype);
  }

  private async readVector(tensor: TensorInfo, size: number, signal?: AbortSignal): Promise<Uint8Array> {
    const bytes = await this.model.read(tensor, undefined, signal);
    if (bytes.length === size * elementSize(tensor.dtype)) return bytes;
    throw this.missing(`${tensor.name} has the shape [${tensor.shape.join(', ')}], but ${size} numbers are wanted`);
  }

  private add(name: string, place: Place): void {
    if (!this.places.has(name)) this.places.set(name, place);
  }

  private find(name: string): Place | undefined {
    return this.places.get(this.spelled(name)) ?? this.places.get(name);
  }

  private place(name: string): Place {
    const found = this.find(name);
    if (!found) throw this.missing(`has no ${name}, which the configuration asks for`);
    const { unreadable } = found.tensor;
    if (unreadable !== undefined) throw this.missing(`${found.tensor.name} cannot be read: ${unreadable}`);
    return found;
  }

  private missing(what: string): DecoderError {
    return new DecoderError('missing-weights', what, this.model.path);
  }
}
