/**
 * Which of transformers' Auto classes load an architecture, for `auto_map` in `config.json`. Its own lists are by kind of
 * model; the names of the classes follow the same pattern.
 *
 * @see https://github.com/huggingface/transformers src/transformers/models/auto/modeling_auto.py
 */

/** Ends of class names that do not say the name of the Auto class. */
const BY_ENDING: readonly (readonly [ending: string, classes: readonly string[]])[] = [
  ['LMHeadModel', ['AutoModelForCausalLM']],
  [
    'ForConditionalGeneration',
    ['AutoModelForSeq2SeqLM', 'AutoModelForSpeechSeq2Seq', 'AutoModelForImageTextToText', 'AutoModelForVision2Seq'],
  ],
];

/** Tasks that `AutoModelFor…` and the classes call alike. */
const TASKS: ReadonlySet<string> = new Set([
  ...['CausalLM', 'MaskedLM', 'PreTraining', 'SequenceClassification', 'TokenClassification', 'QuestionAnswering'],
  ...['MultipleChoice', 'NextSentencePrediction', 'ImageClassification', 'ZeroShotImageClassification'],
  ...['MaskedImageModeling', 'ObjectDetection', 'ZeroShotObjectDetection', 'SemanticSegmentation', 'DepthEstimation'],
  ...['InstanceSegmentation', 'UniversalSegmentation', 'VideoClassification', 'KeypointDetection', 'MaskGeneration'],
  ...['CTC', 'AudioClassification', 'AudioFrameClassification', 'AudioXVector', 'DocumentQuestionAnswering'],
  ...['VisualQuestionAnswering', 'TableQuestionAnswering', 'ImageToImage', 'SpeechSeq2Seq', 'Seq2SeqLM'],
]);

/**
 * From Auto class to model class, the one without a head among them.
 *
 * @param architecture as `architectures` of the configuration names it: `LlamaForCausalLM`
 * @returns undefined if the name follows none of the patterns
 */
export function autoClasses(architecture: string): Record<string, string> | undefined {
  const [, kind, task] = /^([A-Z]\w*?)For(\w+)$/.exec(architecture) ?? [];
  for (const [ending, classes] of BY_ENDING) {
    const stem = architecture.slice(0, -ending.length);
    if (stem === '' || !architecture.endsWith(ending)) continue;
    return { AutoModel: `${stem}Model`, ...Object.fromEntries(classes.map((name) => [name, architecture])) };
  }
  if (kind !== undefined && task !== undefined && TASKS.has(task)) {
    return { AutoModel: `${kind}Model`, [`AutoModelFor${task}`]: architecture };
  }
  const isHead = BY_ENDING.some(([ending]) => ending === architecture);
  return /^[A-Z]\w*Model$/.test(architecture) && !isHead ? { AutoModel: architecture } : undefined;
}
