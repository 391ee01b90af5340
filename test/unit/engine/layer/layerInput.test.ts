/** What is held, what is streamed and what is refused under a memory limit. */
import assert from 'node:assert/strict';
import type { TensorInfo } from '../../../../extension/checkpoint/checkpoint';
import { elementSize } from '../../../../extension/checkpoint/elements/dtype';
import { DEFAULT_FARMS } from '../../../../extension/engine/terminal/cliArguments';
import { LayerError, planLayer } from '../../../../extension/engine/layer/layerInput';
import { defaultMemoryLimit } from '../../../../extension/engine/resources/limits';
import type { DType } from '../../../../extension/shared/tensors';
import { layersOf } from '../../../../extension/spectral/matrices';

const GB = 1024 ** 3;
const settings = { farms: DEFAULT_FARMS };
const withoutFarms = { farms: { ...DEFAULT_FARMS, enabled: false } };

function tensor(dtype: DType, ...shape: number[]): TensorInfo {
  const byteLength = shape.reduce((product, size) => product * size, elementSize(dtype));
  return { name: 'w', group: '', shape, dtype, byteLength, kernelLayout: 'OI…' };
}

function plan(info: TensorInfo, limit: number, farms = true) {
  const [layer] = layersOf(info).layers;
  return planLayer(info, layer, farms ? settings : withoutFarms, limit);
}

describe('a layer’s memory', () => {
  it('holds the layers of a 7B model, several at a time, within the default limit', () => {
    const limit = defaultMemoryLimit(64 * GB);
    for (const shape of [
      [4096, 4096],
      [11008, 4096],
      [4096, 11008],
    ]) {
      const { held, memory } = plan(tensor('F16', ...shape), limit);
      assert.ok(held);
      assert.ok(memory <= limit / 4, `${shape.join(' × ')} takes ${memory}`);
    }
  });

  it('streams an embedding that would crowd out the others, and counts only what is in memory', () => {
    const embedding = tensor('BF16', 128_000, 4096);
    const { held, memory } = plan(embedding, 4 * GB);
    assert.equal(held, false);
    assert.ok(memory < embedding.byteLength / 2 && memory < 4 * GB, `${memory} of ${embedding.byteLength}`);
  });

  it('counts the bytes where they are held', () => {
    const small = plan(tensor('F32', 1000, 1000), GB, false).memory;
    const large = plan(tensor('F64', 1000, 1000), GB, false).memory;
    assert.equal(large - small, 4e6);
  });

  it('grows with FARMS only by what its windows need', () => {
    const skinny = tensor('BF16', 4096, 64);
    assert.equal(plan(skinny, GB, true).memory, plan(skinny, GB, false).memory);
  });

  it('does not depend on anything but the limit', () => {
    const wide = tensor('F32', 4096, 11_008);
    assert.deepEqual(plan(wide, GB), plan(wide, GB));
    assert.equal(plan(wide, GB).held, true, 'it cannot be read in bands of its longer side');
  });

  it('holds an expert of a stack, and no more of it', () => {
    const stack = tensor('BF16', 8, 1024, 2048);
    const experts = layersOf({ ...stack, name: 'experts' }).layers;
    const { rows, memory } = planLayer(stack, experts[5], withoutFarms, GB);
    assert.deepEqual(rows, { start: 5, end: 6 });
    const alone = plan(tensor('BF16', 1024, 2048), GB, false).memory;
    assert.equal(memory, alone);
  });

  it('reads a tensor without a spectrum in bands where it is large', () => {
    assert.equal(plan(tensor('I64', 400_000_000), GB).held, false);
    assert.equal(plan(tensor('F32', 1000), GB).held, true);
  });

  it('takes shorter chunks under a small limit, so that a long matrix fits into the smallest one', () => {
    const smallest = 64 * 1024 ** 2;
    const { chunk, memory } = plan(tensor('F32', 1_000_000, 400), smallest);
    assert.ok(memory <= smallest);
    assert.ok(chunk < plan(tensor('F32', 1_000_000, 400), GB).chunk);
  });

  it('refuses what does not fit, with the megabytes that would be needed', () => {
    const refused = (info: TensorInfo, limit: number): void => {
      assert.throws(
        () => plan(info, limit),
        (error: unknown) =>
          error instanceof LayerError && /needs about \d+ MB.*raise the memory limit/.test(error.message),
      );
    };
    refused(tensor('F32', 4096, 11_008), GB / 4);
    refused(tensor('F32', 65_536, 65_536), 4 * GB);
  });
});
