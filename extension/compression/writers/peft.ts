/**
 * The layout `peft`: low rank as a LoRA adapter that PEFT loads, and in `base/` the model that it belongs to, unless that is a
 * quantised checkpoint which exists already (EoRA). lora_alpha is r, so that the product of the factors is added as it is.
 *
 * @see https://github.com/huggingface/peft src/peft/tuners/lora/config.py, src/peft/utils/save_and_load.py
 */
import { elementSize } from '../../checkpoint/elements/dtype';
import { own } from '../../checkpoint/quantised/quantisationConfig';
import { isInputEmbedding, isOutputMatrix } from '../../checkpoint/wrappers/embeddingNames';
import { layoutHolds } from '../../shared/compression/layoutMethods';
import { needsQuantised } from '../../shared/compression/methodNeeds';
import { layerMethod } from '../../shared/compression/methodTable';
import { CompressionError } from '../compressionError';
import type { StoredLayer } from '../compressMatrix';
import { adapterCost, denseCost } from '../plan/methodCosts';
import { transposed } from '../layerElements';
import { narrow } from '../narrow';
import { NOTE_KEY } from '../../shared/compression/savedNote';
import { PYTORCH_FORMAT, savedMetadata } from '../savedMetadata';
import type { NewTensor } from '../safetensorsWriter';
import { copiedFiles, jsonText, textFile } from './modelFiles';
import { modelTensors, pieceTensor } from './modelTensors';
import { pairFactors, productOf } from './pairFactors';
import { safetensorsFiles } from './safetensorsFiles';
import { assertPyTorchNames, moduleOf } from './transformersFolder';
import type { JsonValue, Layout, OutputFile, Piece, Replaced, SavedWeight, SaveJob } from './writer';

/** Before a module's name in an adapter's file. */
const PREFIX = 'base_model.model.';

const BASE = 'base';

interface AdapterRecord {
  readonly module: string;
  readonly rank: number;
  /** GPT-2's Conv1D. */
  readonly fanInFanOut: boolean;
}

export const peftLayout: Layout = {
  prepare: (job) => {
    assertPyTorchNames(job.checkpoint, 'make the adapter from the model as Hugging Face has it');
    for (const weight of job.weights) assertHeld(weight, job);
    const elsewhere = assertOneBase(job.weights);
    const decoded = job.weights.some(({ choice }) => layerMethod(choice.method).options.includes('quantiser'));
    return Promise.resolve({
      form: 'adapter',
      notes: () => [
        elsewhere
          ? 'The adapter belongs to the quantised checkpoint: load that, then PeftModel.from_pretrained(model, folder).'
          : `The adapter belongs to the model in ${BASE}/: load that, then PeftModel.from_pretrained(model, folder).`,
        'PEFT finds modules by their names. transformers 5 names those of ViT and some other models anew: load the adapter ' +
          'where they have the names of this checkpoint, and heed PEFT’s warnings of names that it does not find.',
        ...(decoded
          ? [
              `The quantised weights are saved decoded, as plain numbers: ${BASE}/ takes as many bytes as the model, until a program ` +
                'quantises it when it loads it.',
            ]
          : []),
      ],
      plannedBytes: (weight) => plannedBytes(weight, elsewhere),
      ...(elsewhere && { alone: true }),
      replace: (weight, stored) => Promise.resolve(replace(weight, stored)),
      files: async (pieces) => {
        const records = pieces.slice(0, job.weights.length).map(({ record }) => record as unknown as AdapterRecord);
        const adapter = pieces.flatMap((piece) =>
          piece.tensors.filter(({ name }) => name.startsWith(PREFIX)).map((tensor) => pieceTensor(piece, tensor)),
        );
        const metadata = { ...PYTORCH_FORMAT, [NOTE_KEY]: JSON.stringify(job.note) };
        return [
          textFile('adapter_config.json', jsonText(adapterConfig(job, records, elsewhere))),
          ...safetensorsFiles({ stem: 'adapter_model', tensors: adapter, metadata, shardBytes: Infinity }),
          ...(elsewhere ? [] : await baseFiles(job, pieces)),
        ];
      },
    });
  },
};

async function baseFiles(job: SaveJob, pieces: readonly Piece[]): Promise<OutputFile[]> {
  const ofBase = pieces.map((piece) => ({
    ...piece,
    tensors: piece.tensors.filter(({ name }) => !name.startsWith(PREFIX)),
  }));
  const tensors = modelTensors(job, ofBase);
  const copied = await copiedFiles(job.checkpoint);
  return [
    ...copied.map((file) => ({ ...file, path: `${BASE}/${file.path}` })),
    ...safetensorsFiles({
      stem: 'model',
      folder: BASE,
      tensors,
      metadata: savedMetadata(job.checkpoint, tensors, job.note),
      shardBytes: job.shardBytes,
    }),
  ];
}

function adapterConfig(
  { checkpoint: { config }, quantised }: SaveJob,
  records: readonly AdapterRecord[],
  elsewhere: boolean,
): Record<string, JsonValue> {
  const ranks = records.map(({ rank }) => rank);
  const usual = ranks.reduce((best, rank) => (count(ranks, rank) > count(ranks, best) ? rank : best));
  const pattern = Object.fromEntries(
    records.filter(({ rank }) => rank !== usual).map(({ module, rank }) => [module, rank] as const),
  );
  return {
    peft_type: 'LORA',
    task_type: taskType(config.fields),
    base_model_name_or_path: elsewhere ? (quantised ?? null) : `./${BASE}`,
    r: usual,
    lora_alpha: usual,
    rank_pattern: pattern,
    alpha_pattern: pattern,
    target_modules: records.map(({ module }) => module),
    fan_in_fan_out: records.some(({ fanInFanOut }) => fanInFanOut),
    // The factors are in the file. PEFT's own names for such methods would take them from the base again.
    init_lora_weights: true,
    lora_dropout: 0,
    bias: 'none',
    use_rslora: false,
    use_dora: false,
    inference_mode: true,
  };
}

function count(ranks: readonly number[], rank: number): number {
  return ranks.filter((each) => each === rank).length;
}

/** PEFT's word for what the model does, where that changes nothing but the methods that the adapted model has. */
function taskType(fields: Readonly<Record<string, unknown>>): string | null {
  const architectures = own(fields, 'architectures');
  const name = Array.isArray(architectures) ? String(architectures[0]) : '';
  if (/(ForCausalLM|LMHeadModel)$/.test(name)) return 'CAUSAL_LM';
  return /ForConditionalGeneration$/.test(name) && own(fields, 'is_encoder_decoder') === true ? 'SEQ_2_SEQ_LM' : null;
}

/** @throws CompressionError `unsupported` */
function assertHeld(weight: SavedWeight, { checkpoint }: SaveJob): void {
  const { layer, choice, tensor, twins } = weight;
  const refuse = (reason: string): never => {
    throw new CompressionError('unsupported', reason, { layer });
  };
  const { name, stores } = layerMethod(choice.method);
  if (!layoutHolds('peft', name)) {
    const layout = stores === 'pair' ? 'huggingface' : 'safetensors';
    refuse(`the method ${name} makes no adapter; save it as ${layout}, or choose pissa, olora, loftq, lq-lora or eora`);
  }
  moduleOf(weight);
  const isTable = isInputEmbedding(tensor.name) || isOutputMatrix(tensor.name);
  if (twins.length > 0 || (isTable && checkpoint.config.copiesAreTied)) {
    refuse(
      `is one matrix with ${twins[0] ?? 'the other end of the model'} (tied weights), and an adapter would be added at ` +
        'one place only; keep it dense',
    );
  }
}

/** @throws CompressionError `unsupported` */
function assertOneBase(weights: readonly SavedWeight[]): boolean {
  const elsewhere = weights.find(({ choice }) => needsQuantised(choice));
  const here = weights.find(({ choice }) => !needsQuantised(choice));
  if (elsewhere && here) {
    throw new CompressionError(
      'unsupported',
      `its adapter (${elsewhere.choice.method}) belongs to a quantised checkpoint, and that of ${here.layer} ` +
        `(${here.choice.method}) to a base that is saved; save them as two adapters`,
      { layer: elsewhere.layer },
    );
  }
  return elsewhere !== undefined;
}

function replace(weight: SavedWeight, stored: StoredLayer): Replaced {
  const module = moduleOf(weight);
  const { layer, factors, tensor } = weight;
  const product = productOf(stored);
  if (!product) throw new CompressionError('unsupported', 'the method made no factors', { layer });
  const { rank, left, right } = pairFactors(weight, { ...stored, parts: [product] });
  const [a, b] =
    factors?.module === 'embedding' ? ['lora_embedding_A', 'lora_embedding_B'] : ['lora_A.weight', 'lora_B.weight'];
  const record: AdapterRecord = { module, rank, fanInFanOut: factors?.module === 'conv1d' };
  return {
    tensors: [
      { name: `${PREFIX}${module}.${a}`, ...right },
      { name: `${PREFIX}${module}.${b}`, ...left },
      ...baseTensor(weight, stored),
    ],
    drops: [tensor.name],
    record: record as unknown as JsonValue,
  };
}

function plannedBytes({ outputs, inputs, dtype, choice }: SavedWeight, elsewhere: boolean): number {
  const elementBytes = elementSize(dtype);
  const size = { outputs, inputs, elementBytes };
  return adapterCost(choice, size, elsewhere ? undefined : denseCost(size, outputs * inputs * elementBytes)).bytes;
}

/** The weight without the adapter, as the checkpoint stores it; none if a quantised checkpoint has it. */
function baseTensor(
  { tensor, transposed: lies, outputs, inputs, dtype }: SavedWeight,
  stored: StoredLayer,
): NewTensor[] {
  if (!stored.base) return [];
  const { values } = stored.base;
  const { bytes } = narrow(lies ? transposed(values, outputs, inputs) : values, dtype);
  return [{ name: tensor.name, dtype, shape: tensor.shape, bytes }];
}
