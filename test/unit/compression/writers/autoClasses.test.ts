import assert from 'node:assert/strict';
import { autoClasses } from '../../../../extension/compression/writers/autoClasses';

describe('Auto classes of an architecture', () => {
  // From transformers' own lists (models/auto/modeling_auto.py).
  for (const [architecture, auto, base] of [
    ['LlamaForCausalLM', 'AutoModelForCausalLM', 'LlamaModel'],
    ['GPT2LMHeadModel', 'AutoModelForCausalLM', 'GPT2Model'],
    ['BertForMaskedLM', 'AutoModelForMaskedLM', 'BertModel'],
    ['BertForSequenceClassification', 'AutoModelForSequenceClassification', 'BertModel'],
    ['T5ForConditionalGeneration', 'AutoModelForSeq2SeqLM', 'T5Model'],
    ['Qwen2VLForConditionalGeneration', 'AutoModelForImageTextToText', 'Qwen2VLModel'],
    ['WhisperForConditionalGeneration', 'AutoModelForSpeechSeq2Seq', 'WhisperModel'],
    ['ViTForImageClassification', 'AutoModelForImageClassification', 'ViTModel'],
    ['Wav2Vec2ForCTC', 'AutoModelForCTC', 'Wav2Vec2Model'],
  ] as const) {
    it(`${architecture} is one of ${auto}`, () => {
      const classes = autoClasses(architecture)!;
      assert.equal(classes[auto], architecture);
      assert.equal(classes['AutoModel'], base);
    });
  }

  it('a model without a head is itself', () => {
    assert.deepEqual(autoClasses('BertModel'), { AutoModel: 'BertModel' });
  });

  it('does not guess', () => {
    for (const name of ['', 'Model', 'LMHeadModel', 'LlamaForSomethingNew', 'llama', 'ForCausalLM']) {
      assert.equal(autoClasses(name), undefined, name);
    }
  });
});
