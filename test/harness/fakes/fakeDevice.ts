/** A device for tests: the kernels' Gram matrices, spoiled, delayed or failing as a test wants them. */
import { DeviceError, type GramDevice } from '../../../extension/linalg/devices/gramDevice';
import { gramByProducts, type GramSum } from '../../../extension/linalg/gram/gramSum';
import { loadKernels } from '../../../extension/linalg/kernels/loadKernels';
import { kernelProducts } from '../../../extension/linalg/products/matrixProducts';

interface Behaviour {
  provider?: GramDevice['provider'];
  precision?: string;
  /** Changes each stored element of a finished Gram matrix; `index` counts within its part. */
  spoil?: (value: number, index: number) => number;
  delayMs?: number;
  /** Called before each chunk; what it throws is the device's failure. */
  onChunk?: () => void;
}

export class FakeDevice implements GramDevice {
  readonly provider;
  readonly precision;
  rate = 1;
  released = 0;
  begun = 0;

  constructor(private readonly behaviour: Behaviour = {}) {
    this.provider = behaviour.provider ?? 'webgpu';
    this.precision = behaviour.precision ?? 'float32×5';
  }

  begin(n: number): GramSum {
    this.begun++;
    const { spoil, delayMs = 0, onChunk } = this.behaviour;
    const sum = gramByProducts(kernelProducts(loadKernels()), n);
    return {
      add: async (x, k, signal) => {
        try {
          onChunk?.();
        } catch (error) {
          throw new DeviceError(String(error), { cause: error });
        }
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
        await sum.add(x, k, signal);
      },
      finish: async () => {
        const gram = await sum.finish();
        if (!spoil) return gram;
        for (const { elements } of gram.slabs) elements.set(elements.map(spoil));
        gram.mirrorBlocks();
        return gram;
      },
    };
  }

  release(): Promise<void> {
    this.released++;
    return Promise.resolve();
  }
}
