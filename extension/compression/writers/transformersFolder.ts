/** What a folder must have for transformers to load a saved model from it, and the modules that its weights belong to. */
import { own, word } from '../../checkpoint/quantised/quantisationConfig';
import { isObject } from '../../checkpoint/files/jsonFile';
import type { Model } from '../../checkpoint/openModel';
import { CompressionError } from '../compressionError';
import { autoClasses } from './autoClasses';
import type { SavedWeight } from './writer';

/** Formats whose tensors have PyTorch's names. */
const PYTORCH_FORMATS: ReadonlySet<string> = new Set(['safetensors', 'pytorch']);

/** Keys of `auto_map` beside those of models. */
const OTHER_AUTO_CLASSES = /^Auto(Tokenizer|Processor|ImageProcessor|VideoProcessor|FeatureExtractor)$/;

export interface TransformersConfig {
  readonly architecture: string;
  /** From Auto class to model class. */
  readonly classes: Readonly<Record<string, string>>;
  /** `auto_map` as it is: tokenizers and processors. */
  readonly autoMap: Readonly<Record<string, unknown>>;
}

/** @param remedy what to do instead. @throws CompressionError `unsupported` */
export function assertPyTorchNames({ format, path: file }: Model, remedy = 'save it as safetensors'): void {
  if (PYTORCH_FORMATS.has(format)) return;
  const reason = `transformers loads weights under PyTorch’s names, and this file is ${format}; ${remedy}`;
  throw new CompressionError('unsupported', reason, { file });
}

/** @throws CompressionError `unsupported` if transformers would not load the folder, or would load it wrongly */
export function transformersConfig(model: Model): TransformersConfig {
  assertPyTorchNames(model);
  const { config, path: file } = model;
  const refuse = (reason: string): never => {
    throw new CompressionError('unsupported', reason, { file });
  };
  const { fields } = config;
  if (config.source !== 'config.json') {
    refuse(
      `transformers needs a config.json beside the weights, and there is none that can be read` +
        `${config.problem === undefined ? '' : ` (${config.problem})`}; add the model’s own, or save as safetensors`,
    );
  }
  const architectures = own(fields, 'architectures');
  const architecture: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  const classes = typeof architecture === 'string' ? autoClasses(architecture) : undefined;
  if (typeof architecture !== 'string' || !classes || word(fields, 'model_type') === undefined) {
    return refuse(
      typeof architecture === 'string' && word(fields, 'model_type') !== undefined
        ? `its config.json names the architecture ${architecture}, for which no Auto class is known; save it as safetensors`
        : 'its config.json lacks "model_type" or "architectures", which say how transformers loads the model; add them',
    );
  }
  if (own(fields, 'quantization_config') !== undefined) {
    refuse(
      'its config.json says that the model is quantised, and new factors are not; compress the model it was made from',
    );
  }
  if (own(fields, 'truncation_ranks') !== undefined) {
    refuse('its config.json has truncation_ranks: it is compressed already; compress the model it was made from');
  }
  const map = own(fields, 'auto_map');
  const autoMap = isObject(map) ? map : {};
  const foreign = Object.keys(autoMap).find((key) => !OTHER_AUTO_CLASSES.test(key));
  if (foreign !== undefined) {
    refuse(
      `the model is loaded by Python code of its own (${foreign} in config.json), which the code for factors cannot ` +
        'wrap; save it as safetensors or dense',
    );
  }
  return { architecture, classes, autoMap };
}

/**
 * The name of the module that a weight belongs to.
 *
 * @throws CompressionError `unsupported`
 */
export function moduleOf({ layer, tensor, expert, factors }: SavedWeight): string {
  const refuse = (reason: string): never => {
    throw new CompressionError('unsupported', reason, { layer });
  };
  if (expert !== undefined || tensor.folded) {
    refuse(
      'is one matrix of a larger tensor, which two modules cannot stand in for; keep it dense, or save as safetensors',
    );
  }
  if (/(^|\.)experts\.\d+\./.test(tensor.name)) {
    refuse(
      'is one expert of many, which transformers 5 loads as one stack; keep the experts dense, or save as safetensors',
    );
  }
  if (!factors?.sequential || !tensor.name.endsWith('.weight')) {
    refuse('is not the weight of a PyTorch module (module.weight); keep it dense, or save as safetensors');
  }
  return tensor.name.slice(0, -'.weight'.length);
}
