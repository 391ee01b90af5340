/**
 * The layout `onnx`: the source's graph with two operators in place of each that has a compressed weight. Everything else
 * in the model is copied byte for byte, and so are its data files (`externalLayout.ts`). A model that would pass 2 GB gets
 * its factors in a data file.
 *
 * A weight `W` becomes `W.A` (the side of the outputs) and `W.B` (that of the inputs). Each is stored as the operator takes
 * it, which is the way W was: in × out for a MatMul, as `transB` says for a Gemm, out × in × kernel for a convolution.
 */
import { FileReader } from '../../../checkpoint/files/fileReader';
import { NAMES_SHOWN } from '../../../checkpoint/problemList';
import { nodeLabel, OnnxPlaces } from '../../../checkpoint/onnx/onnxPlaces';
import type { TreeNode } from '../../../checkpoint/onnx/onnxTree';
import { layoutHolds } from '../../../shared/compression/layoutMethods';
import { layerMethod } from '../../../shared/compression/methodTable';
import { CompressionError } from '../../compressionError';
import type { StoredLayer } from '../../compressMatrix';
import { transposed } from '../../layerElements';
import { narrow } from '../../narrow';
import { NOTE_KEY } from '../../../shared/compression/savedNote';
import type { NewTensor } from '../../safetensorsWriter';
import type { Layout, PreparedLayout, Replaced, SavedWeight, SaveJob } from '../writer';
import { dataFiles } from './externalLayout';
import { factorableWeight, type FactorableWeight } from './factorableUses';
import { biasForm, type BiasForm } from './factoredNodes';
import { isOnnxFloat } from './onnxMessages';
import { MAX_MODEL_BYTES, rewrittenModel, type FactoredWeight, type OnnxSource } from './rewrittenModel';

export const onnxLayout = onnxLayoutWithin(MAX_MODEL_BYTES);

/** @param most bytes of the model itself: what exceeds them lies in a data file beside it */
export function onnxLayoutWithin(most: number): Layout {
  return {
    async prepare(job, signal) {
      const { checkpoint } = job;
      if (checkpoint.format !== 'onnx') {
        throw new CompressionError(
          'unsupported',
          `the layout onnx rewrites the graph of an ONNX model, and this is ${checkpoint.format}; choose another layout`,
          { file: checkpoint.path },
        );
      }
      const source = await readSource(checkpoint.path, signal);
      const weights = job.weights.map((weight) => ({ weight, factorable: factorable(source.places, weight) }));
      assertApart(weights);
      const overridden = weights.filter(({ factorable: { main } }) => isInput(main));
      const notes = overriddenNote(overridden.map(({ weight }) => weight.layer));
      return prepared(job, source, weights, notes, most);
    },
  };
}

/** One sentence for all of them: older exporters list every weight of a model as an input. */
function overriddenNote(layers: readonly string[]): string[] {
  if (layers.length === 0) return [];
  const [first] = layers;
  if (layers.length === 1)
    return [`${first} is an input of the graph that callers may override; its factors are constants.`];
  const named = layers.slice(0, NAMES_SHOWN).join(', ');
  const more = layers.length > NAMES_SHOWN ? ` and ${layers.length - NAMES_SHOWN} more` : '';
  return [
    `${layers.length} weights are inputs of the graph that callers may override; their factors are constants: ${named}${more}.`,
  ];
}

interface PlannedWeight {
  readonly weight: SavedWeight;
  readonly factorable: { readonly main: FactorableWeight; readonly twins: readonly FactorableWeight[] };
}

/** @throws CheckpointError; CompressionError `unsupported` for a model that trains */
async function readSource(file: string, signal: AbortSignal): Promise<OnnxSource> {
  const reader = await FileReader.open(file);
  try {
    const places = await OnnxPlaces.read(reader, signal);
    if (places.tree.trains) {
      const reason = 'has graphs for training, which name the weights that would go; export it for inference';
      throw new CompressionError('unsupported', reason, { file });
    }
    const data = await dataFiles(file, places.tensors, signal);
    return { file, identity: reader.identity, places, data };
  } finally {
    await reader.close();
  }
}

function factorable(places: OnnxPlaces, weight: SavedWeight): PlannedWeight['factorable'] {
  const { layer, tensor, dtype, choice } = weight;
  const refuse = (reason: string): CompressionError => new CompressionError('unsupported', reason, { layer });
  const method = layerMethod(choice.method);
  if (!layoutHolds('onnx', method.name)) {
    const reason = `${method.label} stores ${method.stores === 'parts' ? 'parts' : 'an adapter'} that no operator of ONNX takes`;
    throw refuse(`${reason}; choose a method that stores a pair of factors, as svd does`);
  }
  if (weight.expert !== undefined) {
    throw refuse('it is one matrix of a stack, which its operator takes whole; keep it dense in the plan');
  }
  if (tensor.encoding || !isOnnxFloat(tensor.dtype)) {
    const stored = tensor.encoding?.name ?? tensor.dtype;
    throw refuse(`it is stored quantised (${stored}); compress the model before it is quantised`);
  }
  if (dtype !== tensor.dtype) {
    throw refuse(
      `operators of ONNX take one type of numbers, and the model computes in ${tensor.dtype}: keep the dtype`,
    );
  }
  const [main, ...twins] = [tensor.name, ...weight.twins].map((name) => {
    const place = places.find(name);
    if (place) return factorableWeight(places, place, name);
    throw refuse('it stands in a function of the model, which is not rewritten; keep it dense in the plan');
  });
  if (twins.some((twin) => twin.inputsFirst !== main!.inputsFirst || twin.transposed !== main!.transposed)) {
    throw refuse('another weight has the same numbers and is used the other way round; keep it dense in the plan');
  }
  if (main!.inputsFirst !== weight.transposed && method.needs.length > 0) {
    const rows = main!.inputsFirst ? 'rows' : 'columns';
    throw refuse(`its ${rows} are inputs in the graph, and the statistics were taken for the other axis; choose svd`);
  }
  return { main: main!, twins };
}

/** @throws CompressionError `unsupported` for an operator that multiplies two weights of the plan */
function assertApart(weights: readonly PlannedWeight[]): void {
  const seen = new Set<TreeNode>();
  for (const {
    weight,
    factorable: { main, twins },
  } of weights) {
    for (const { node } of [main, ...twins].flatMap(({ uses }) => uses)) {
      if (seen.has(node)) {
        const reason = `${nodeLabel(node)} multiplies it by another weight of the plan, or by itself; keep one of them dense`;
        throw new CompressionError('unsupported', reason, { layer: weight.layer });
      }
      seen.add(node);
    }
  }
}

function isInput({ place: { value, graph } }: FactorableWeight): boolean {
  return graph.around === undefined && graph.inputs.some(({ name }) => name === value);
}

function prepared(
  job: SaveJob,
  source: OnnxSource,
  weights: readonly PlannedWeight[],
  notes: readonly string[],
  most: number,
): PreparedLayout {
  return {
    form: 'parts',
    notes: () => notes,
    replace(weight, stored) {
      const planned = weights.find((each) => each.weight.layer === weight.layer)!;
      return Promise.resolve(replaced(weight, planned.factorable, stored));
    },
    files(pieces, signal) {
      const factored = weights.map(({ weight, factorable: { main, twins } }): FactoredWeight => {
        const piece = pieces.find(({ of }) => of === weight.layer);
        if (!piece) throw new Error(`there is no piece for ${weight.layer}`);
        return { main, twins, piece };
      });
      return rewrittenModel(source, factored, noteOf(job), most, signal);
    },
  };
}

function noteOf({ checkpoint, note }: SaveJob): string {
  const earlier = checkpoint.metadata[NOTE_KEY];
  return JSON.stringify(earlier === undefined ? note : { ...note, previous: earlier });
}

/** A and B, as the operator takes them, and a bias if the method adds one. */
function replaced(weight: SavedWeight, { main, twins }: PlannedWeight['factorable'], stored: StoredLayer): Replaced {
  const { layer, tensor } = weight;
  const [part, more] = stored.parts;
  if (part?.part.kind !== 'product' || more) {
    throw new CompressionError('unsupported', 'it is stored in parts that no operator of ONNX takes', { layer });
  }
  const dtype = tensor.dtype;
  if (!isOnnxFloat(dtype)) throw new RangeError(`${layer} is stored as ${dtype}`);
  const { left, right, rank } = part.part;
  const kernel = tensor.shape.slice(2);
  // What the method calls outputs may be the graph's inputs: a product of two factors is one either way.
  const turned = main.inputsFirst !== weight.transposed;
  const [outputs, inputs] = turned ? [weight.inputs, weight.outputs] : [weight.outputs, weight.inputs];
  const a = turned ? transposed(right, rank, outputs) : left;
  const b = turned ? transposed(left, inputs, rank) : right;
  // The rows of what reaches the operator are inputs.
  const rowsAreInputs = main.inputsFirst !== main.transposed;
  const float = (name: string, shape: readonly number[], values: Float64Array): NewTensor => {
    const { bytes } = narrow(values, dtype);
    return { name, dtype, shape, bytes };
  };
  const { name } = tensor;
  const factors =
    kernel.length > 0
      ? [
          float(`${name}.A`, [outputs, rank, ...kernel.map(() => 1)], a),
          float(`${name}.B`, [rank, ...tensor.shape.slice(1)], b),
        ]
      : rowsAreInputs
        ? [
            float(`${name}.A`, [rank, outputs], transposed(a, outputs, rank)),
            float(`${name}.B`, [inputs, rank], transposed(b, rank, inputs)),
          ]
        : [float(`${name}.A`, [outputs, rank], a), float(`${name}.B`, [rank, inputs], b)];
  const bias = stored.bias && addedBias(layer, [main, ...twins], outputs, kernel.length);
  const biases = bias
    ? [
        float(
          `${name}.A.bias`,
          bias.shape,
          stored.bias.map((value) => value * bias.scale),
        ),
      ]
    : [];
  return { tensors: [...factors, ...biases], drops: [name, ...weight.twins] };
}

function addedBias(layer: string, weights: readonly FactorableWeight[], outputs: number, spatial: number): BiasForm {
  const [first, ...others] = weights.flatMap(({ uses }) => uses).map((use) => biasForm(use, outputs, spatial));
  if (others.some(({ shape, scale }) => scale !== first!.scale || shape.length !== first!.shape.length)) {
    const reason =
      'its operators scale their products differently, and its bias would be wrong for some; choose another method';
    throw new CompressionError('unsupported', reason, { layer });
  }
  return first!;
}
