/**
 * How the two factors of a weight are called and stored, so that `nn.Sequential` of two modules loads them under the
 * weight's own name: numbered in the order in which input meets them, the bias with the second.
 *
 * @see https://github.com/pytorch/pytorch torch/nn/modules/container.py (`Sequential` names its modules 0, 1, …)
 * @see https://github.com/huggingface/transformers src/transformers/pytorch_utils.py (`Conv1D`: in × out, always biased)
 */
import type { TensorInfo } from '../checkpoint/checkpoint';
import { isInputEmbedding } from '../checkpoint/wrappers/embeddingNames';
import { CompressionError } from './compressionError';
import { type CompressionMatrix, outputsFirst } from './compressionMatrix';

type Tensor = Pick<TensorInfo, 'name' | 'shape' | 'kernelLayout' | 'inputsFirst'>;

/** What takes the weight, as far as it can be told. */
type Module = 'linear' | 'conv1d' | 'embedding' | 'convolution';

export interface FactorLayout {
  readonly module: Module;
  /** The factor that input meets first: A of W = A·B where the rows of W are inputs, else B. */
  readonly first: 'left' | 'right';
  /** Names of the first and the second factor. */
  readonly names: readonly [first: string, second: string];
  /** The second factor is stored transposed, as the Linear behind an Embedding has it. */
  readonly secondTransposed: boolean;
  /** The weight's bias is added behind the second factor, under this name. */
  readonly bias?: { readonly from: string; readonly to: string };
  /** A bias of zeros for the first factor, where its module cannot do without one. */
  readonly zeroBias?: string;
  /** The names are those that PyTorch's `nn.Sequential` gives. */
  readonly sequential: boolean;
}

/**
 * @param tensors all of the checkpoint: a weight's bias says which of its axes are outputs
 * @throws CompressionError `unsupported` for an expert of a stack, and for a grouped or transposed convolution
 */
export function factorLayout(tensor: Tensor, matrix: CompressionMatrix, tensors: readonly Tensor[]): FactorLayout {
  const { name, kernelLayout } = tensor;
  if (matrix.kind === 'expert') {
    throw new CompressionError(
      'unsupported',
      'one expert of a stack cannot be stored as two factors, because the other experts lie in the same tensor; ' +
        'save the reconstructed matrix instead',
    );
  }
  const place = placeOf(tensor);
  const bias = biasLength(place, tensors);
  const module = matrix.kind === 'conv' ? 'convolution' : moduleOf(tensor, bias, tensors);
  const first = inputsAreRows(tensor, module) ? 'left' : 'right';
  const outputs = first === 'left' ? matrix.cols : matrix.rows;
  if (module === 'convolution' && bias !== undefined && bias !== outputs) {
    throw new CompressionError(
      'unsupported',
      `its bias has ${bias} numbers where the kernel would have ${outputs} outputs, so the convolution is grouped or ` +
        'transposed, and two convolutions cannot stand in for it; save the reconstructed kernel instead',
      { layer: name },
    );
  }
  const secondTransposed = module === 'embedding' && kernelLayout === 'OI…' && !tensor.inputsFirst;
  const layout = { module, first, secondTransposed } as const;
  if (!place) return { ...layout, names: [`${name}.0`, `${name}.1`], sequential: false };
  const { separator, leaf, suffix } = place;
  const numbered = (index: 0 | 1, kind: string): string => `${place.module}${index}${separator}${kind}${suffix}`;
  return {
    ...layout,
    names: [numbered(0, leaf), numbered(1, leaf.startsWith('embedding') ? 'kernel' : leaf)],
    ...(bias === outputs && { bias: { from: biasNameOf(place), to: numbered(1, 'bias') } }),
    ...(module === 'conv1d' && { zeroBias: numbered(0, 'bias') }),
    sequential: kernelLayout === 'OI…' && !tensor.inputsFirst,
  };
}

/** The modules that load the factors, as one would write them in PyTorch. Undefined for another program's names. */
export function torchModules(
  { module, sequential, bias }: FactorLayout,
  { shape }: Pick<Tensor, 'shape'>,
  { rows, cols }: CompressionMatrix,
  rank: number,
): string | undefined {
  if (!sequential) return undefined;
  const biased = bias ? '' : ', bias=False';
  switch (module) {
    case 'linear':
      return `nn.Sequential(nn.Linear(${cols}, ${rank}, bias=False), nn.Linear(${rank}, ${rows}${biased}))`;
    case 'conv1d':
      return `nn.Sequential(Conv1D(${rank}, ${rows}), Conv1D(${cols}, ${rank}))`;
    case 'embedding':
      return `nn.Sequential(nn.Embedding(${rows}, ${rank}), nn.Linear(${rank}, ${cols}, bias=False))`;
    case 'convolution': {
      const kernel = shape.slice(2);
      const conv = `nn.Conv${kernel.length}d`;
      const size = kernel.length === 1 ? kernel[0]! : `(${kernel.join(', ')})`;
      // Stride, padding and dilation are not stored; they belong to the first.
      return `nn.Sequential(${conv}(${shape[1]!}, ${rank}, ${size}, bias=False), ${conv}(${rank}, ${rows}, 1${biased}))`;
    }
  }
}

/** `encoder.fc1.weight` as `encoder.fc1.`, `.`, `weight` and ``; `dense/kernel:0` as `dense/`, `/`, `kernel` and `:0`. */
interface Place {
  readonly module: string;
  readonly separator: string;
  readonly leaf: string;
  readonly suffix: string;
}

/** Undefined where the name does not end as a module's weight does. */
function placeOf({ name, kernelLayout }: Pick<Tensor, 'name' | 'kernelLayout'>): Place | undefined {
  const at = Math.max(name.lastIndexOf('.'), name.lastIndexOf('/')) + 1;
  const leaves = kernelLayout === '…IO' ? /^(kernel|embeddings?)(:\d+)?$/ : /^(weight)()$/;
  const [, leaf, suffix = ''] = leaves.exec(name.slice(at)) ?? [];
  if (leaf === undefined) return undefined;
  return { module: name.slice(0, at), separator: at > 0 ? name[at - 1]! : '.', leaf, suffix };
}

function biasNameOf({ module, suffix }: Place): string {
  return `${module}bias${suffix}`;
}

/** Undefined without a bias. */
function biasLength(place: Place | undefined, tensors: readonly Tensor[]): number | undefined {
  const name = place && biasNameOf(place);
  return tensors.find((other) => other.name === name && other.shape.length === 1)?.shape[0];
}

/** What models call tables that are looked up in by row, beside the ones that are tied to outputs. */
const TABLE = /^(.*_)?(emb|embd|embed|embedding|embeddings)(_(tokens|positions|in))?$|^(wpe|relative_attention_bias)$/;

/** Names of GPT-2's modules: there in × out, elsewhere (nanoGPT, StarCoder) out × in. */
const GPT2_MODULE = /^(c_attn|c_proj|c_fc|q_attn)$/;

function moduleOf(tensor: Tensor, bias: number | undefined, tensors: readonly Tensor[]): Module {
  const { name, shape, kernelLayout, inputsFirst } = tensor;
  const own = lastModule(name);
  if (bias === undefined && own.length < 100 && (isInputEmbedding(name) || TABLE.test(own))) return 'embedding';
  if (kernelLayout !== 'OI…' || inputsFirst || bias === undefined) return 'linear';
  const [rows, cols] = shape;
  if (rows !== cols) return bias === cols ? 'conv1d' : 'linear';
  // A square one does not tell, but the others of its kind do.
  if (!GPT2_MODULE.test(own)) return 'linear';
  const biases = new Map(tensors.map((other) => [other.name, other.shape]));
  const telling = tensors.find((other) => {
    const [height, width] = other.shape;
    if (!other.name.endsWith('.weight') || other.shape.length !== 2 || height === width) return false;
    const length = biases.get(`${other.name.slice(0, -'weight'.length)}bias`)?.[0];
    return GPT2_MODULE.test(lastModule(other.name)) && (length === height || length === width);
  });
  return telling && biases.get(`${telling.name.slice(0, -'weight'.length)}bias`)?.[0] === telling.shape[1]
    ? 'conv1d'
    : 'linear';
}

/** `fc1` of `encoder.fc1.weight`. */
function lastModule(name: string): string {
  return name.split(/[./]/).at(-2) ?? '';
}

/**
 * True if the rows of a weight's matrix are inputs, so that it is stored in × out. Also for what cannot be two tensors: an
 * expert of a stack, a grouped convolution.
 *
 * @param tensors as for `factorLayout`
 */
export function rowsAreInputs(tensor: Tensor, matrix: CompressionMatrix, tensors: readonly Tensor[]): boolean {
  if (matrix.kind === 'conv') return inputsAreRows(tensor, 'convolution');
  if (matrix.kind === 'expert') return inputsAreRows(tensor, 'linear');
  return inputsAreRows(tensor, moduleOf(tensor, biasLength(placeOf(tensor), tensors), tensors));
}

function inputsAreRows({ kernelLayout, inputsFirst }: Tensor, module: Module): boolean {
  if (module === 'convolution') return kernelLayout === '…IO' || kernelLayout === '…O';
  return module === 'embedding' || module === 'conv1d' || kernelLayout === '…IO' || inputsFirst === true;
}

/** A tensor that is a factor of another: `left` is A (rows × k), `right` is B (k × cols), and W = A·B. */
export interface FactorTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly factor: 'left' | 'right';
  /** Its elements lie as those of the factor's transpose. */
  readonly transposed: boolean;
}

/** Names and shapes of the two tensors that replace a weight, the one applied to the input first. */
export function factorTensors(
  { shape, kernelLayout }: Pick<TensorInfo, 'shape' | 'kernelLayout'>,
  { kind, rows, cols }: CompressionMatrix,
  { first, names, secondTransposed }: FactorLayout,
  rank: number,
): FactorTensor[] {
  const shapes = { left: [rows, rank], right: [rank, cols] };
  if (kind === 'conv') {
    const ones = shape.slice(2).map(() => 1);
    if (outputsFirst(kernelLayout)) {
      shapes.right = [rank, ...shape.slice(1)];
      shapes.left = kernelLayout === 'OI…' ? [rows, rank, ...ones] : [rows, ...ones, rank];
    } else {
      shapes.left = [...shape.slice(0, -1), rank];
      shapes.right = [...ones, rank, cols];
    }
  }
  const second = first === 'left' ? 'right' : 'left';
  return [
    { name: names[0], shape: shapes[first], factor: first, transposed: false },
    {
      name: names[1],
      shape: secondTransposed ? shapes[second].toReversed() : shapes[second],
      factor: second,
      transposed: secondTransposed,
    },
  ];
}
