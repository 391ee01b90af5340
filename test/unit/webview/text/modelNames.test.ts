import assert from 'node:assert/strict';
import { modelNames } from '../../../../webview/text/modelNames';

describe('names of compared models', () => {
  it('are the last part of the path', () => {
    assert.deepEqual(modelNames(['/models/llama/model.gguf', '/out/half']), ['model.gguf', 'half']);
  });

  it('are as many parts as tell them apart', () => {
    const paths = ['/a/llama/model.safetensors', '/a/half/model.safetensors', 'C:\\b\\half\\model.safetensors'];
    assert.deepEqual(modelNames(paths), [
      'a/llama/model.safetensors',
      'a/half/model.safetensors',
      'b/half/model.safetensors',
    ]);
  });

  it('are the same for the same path', () => {
    assert.deepEqual(modelNames(['/a/b', '/a/b']), ['b', 'b']);
  });
});
