/**
 * What the layouts of quantised models share: every weight is of the method `quantise` with one quantiser, the source is a
 * model's folder, and its configuration gets the entry that says how the weights are quantised.
 */
import { own } from '../../checkpoint/quantised/quantisationConfig';
import { optionsOf } from '../../shared/compression/choiceProblem';
import { layoutHolds } from '../../shared/compression/layoutMethods';
import type { LayoutName } from '../../shared/compression/layouts';
import type { QuantisedPart } from '../../shared/compression/parts';
import { CompressionError } from '../compressionError';
import type { StoredLayer } from '../compressMatrix';
import type { QuantiserOptions } from '../quantisers/quantiseBlocks';
import type { NewTensor } from '../safetensorsWriter';
import { savedMetadata } from '../savedMetadata';
import { CONFIG_FILE, configChanges, copiedFiles } from './modelFiles';
import { modelTensors } from './modelTensors';
import { safetensorsFiles } from './safetensorsFiles';
import { TORCH_NAMES, type QuantisedTensor } from './quantisedLayouts';
import { assertPyTorchNames, moduleOf } from './transformersFolder';
import type { JsonValue, Layout, SavedWeight, SaveJob } from './writer';

/** How a program stores the weights of one quantiser. */
export interface QuantisedStandard {
  readonly name: LayoutName;
  /** What is wrong with a weight, in words that follow its name; undefined if it can be stored. */
  problem(options: QuantiserOptions, weight: Pick<SavedWeight, 'inputs'>): string | undefined;
  tensors(weight: QuantisedTensor, fields: StoredFields): NewTensor[];
  /**
   * The model's `quantization_config`.
   *
   * @param dense modules that are not quantised, by their full names
   */
  config(options: QuantiserOptions, weights: readonly SavedWeight[], dense: readonly string[]): JsonValue;
}

/** Bytes of the part's tensors as parts store them, by field. */
export type StoredFields = ReadonlyMap<string, Uint8Array>;

export function quantisedModel(standard: QuantisedStandard): Layout {
  return {
    prepare: (job) => {
      const options = sharedOptions(job, standard);
      const dense = denseModules(job);
      return Promise.resolve({
        form: 'parts',
        notes: () => [],
        replace: (weight, stored) =>
          Promise.resolve({
            tensors: quantisedTensors(weight, stored, standard),
            drops: [weight.tensor.name],
          }),
        files: async (pieces) => {
          const tensors = modelTensors(job, pieces);
          const changes = {
            ...configChanges(pieces),
            quantization_config: standard.config(options, job.weights, dense),
          };
          return [
            ...(await copiedFiles(job.checkpoint, changes)),
            ...safetensorsFiles({
              stem: 'model',
              tensors,
              metadata: savedMetadata(job.checkpoint, tensors, job.note),
              shardBytes: job.shardBytes,
            }),
          ];
        },
      });
    },
  };
}

function quantisedTensors(weight: SavedWeight, { parts }: StoredLayer, standard: QuantisedStandard): NewTensor[] {
  const [stored] = parts;
  const { tensor, outputs, inputs, dtype } = weight;
  const { part, fields } = stored!;
  const bytes = new Map(fields.map((field) => [field.field, field.bytes]));
  return standard.tensors({ name: tensor.name, outputs, inputs, dtype, part: part as QuantisedPart }, bytes);
}

/** The quantiser and block that all weights have. @throws CompressionError `unsupported` */
function sharedOptions(job: SaveJob, standard: QuantisedStandard): QuantiserOptions {
  const { checkpoint, weights } = job;
  if (checkpoint.config.source !== CONFIG_FILE) {
    throw new CompressionError(
      'unsupported',
      `the layout ${standard.name} is declared in a model's ${CONFIG_FILE}, and there is none beside the checkpoint; ` +
        'save it as safetensors',
      { file: checkpoint.path },
    );
  }
  if (own(checkpoint.config.fields, 'quantization_config') !== undefined) {
    throw new CompressionError(
      'unsupported',
      `its ${CONFIG_FILE} says that it is quantised already; start from the model that it was made from`,
      { file: checkpoint.path },
    );
  }
  assertPyTorchNames(checkpoint);
  const [first] = weights;
  if (!first) throw new CompressionError('unsupported', `no weight is quantised, so that there is nothing to save`);
  const options = quantiserOptions(first);
  for (const weight of weights) {
    const problem = weightProblem(weight, standard) ?? differs(weight, first, options);
    if (problem !== undefined) throw new CompressionError('unsupported', problem, { layer: weight.layer });
  }
  return options;
}

function quantiserOptions({ choice }: SavedWeight): QuantiserOptions {
  const { quantiser, bits, block } = optionsOf(choice);
  return { quantiser, bits, block };
}

function weightProblem(weight: SavedWeight, standard: QuantisedStandard): string | undefined {
  const { choice, twins, factors, transposed, dtype } = weight;
  const dense = 'leave it dense, or save as safetensors';
  if (!layoutHolds(standard.name, choice.method)) {
    return `the layout ${standard.name} holds quantised weights alone, and the method is ${choice.method}; save as safetensors`;
  }
  // Refuses what is no module of its own.
  moduleOf(weight);
  if (factors?.module !== 'linear' || transposed) {
    return `is not the weight of a linear module, and ${standard.name} quantises no other; ${dense}`;
  }
  if (twins.length > 0) return `shares its numbers with ${twins.join(', ')}, which would be lost; ${dense}`;
  if (TORCH_NAMES[dtype] === undefined) return `would be of ${dtype}, in which no model computes; save as BF16`;
  return standard.problem(quantiserOptions(weight), weight);
}

/** One entry of the configuration stands for all. */
function differs(weight: SavedWeight, first: SavedWeight, options: QuantiserOptions): string | undefined {
  const its = quantiserOptions(weight);
  if (its.quantiser === options.quantiser && its.block === options.block) return undefined;
  return (
    `has the quantiser ${its.quantiser} in blocks of ${its.block}, and ${first.layer} ${options.quantiser} in blocks of ` +
    `${options.block}; choose the same for all`
  );
}

/** Modules with a weight of two axes that stays as it is. An output matrix that is tied has no weight of its own. */
function denseModules({ checkpoint, weights }: SaveJob): string[] {
  const quantised = new Set(weights.map(({ tensor }) => tensor.name));
  const matrices = checkpoint.tensors.filter(({ name, shape }) => name.endsWith('.weight') && shape.length === 2);
  const modules = matrices
    .filter(({ name }) => !quantised.has(name))
    .map(({ name }) => name.slice(0, -'.weight'.length));
  return quantised.has(OUTPUT) || modules.includes(OUTPUT_MODULE) ? modules : [...modules, OUTPUT_MODULE];
}

const OUTPUT_MODULE = 'lm_head';
const OUTPUT = `${OUTPUT_MODULE}.weight`;
