import assert from 'node:assert/strict';
import { computedWords } from '../../../extension/shared/deviceTitle';

describe('what computed a layer', () => {
  it('is said in words', () => {
    assert.equal(computedWords('float64 wasm'), 'computed in float64 on the CPU');
    assert.equal(computedWords('float32×5 cuda'), 'computed in float32×5 on the GPU (CUDA)');
  });

  it('is said once for two kernels of one device, and joined for two devices', () => {
    assert.equal(computedWords('float64 wasm, float64 cpu'), 'computed in float64 on the CPU');
    assert.equal(
      computedWords('float64 wasm, float32×5 webgpu'),
      'computed in float64 on the CPU and in float32×5 on the GPU (WebGPU)',
    );
  });
});
