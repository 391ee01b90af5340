/** A device that multiplies Gram matrices: a session on one of onnxruntime's providers, in float64 or in slices. */
import { gramByProducts, type GramSum } from '../gram/gramSum';
import { openOnnxProducts } from '../products/onnxProducts';
import type { ProductSource } from '../products/productTypes';
import { openSplitProduct } from './onnxSplitProduct';
import { accumulateInPieces, inPieces } from '../products/productPieces';
import type { Accelerator, DeviceArithmetic } from './providers';
import { SLICES } from './splitGraph';
import { SplitGram, type SplitProduct } from './splitGram';

/** One run blocks the engine's event loop for so long. */
const RUN_SECONDS = 0.05;

/** Assumed until a trial has measured it: the smallest runs. */
const UNKNOWN_RATE = 1;

/** Smaller float64 pieces than this only cost time, on any device. */
const MIN_PIECE = 5e7;

/** The device failed, as opposed to whatever else may end a layer: the CPU can take over. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
}

export interface GramDevice {
  readonly provider: Accelerator;
  /** `float64`, or `float32×5`: in so many slices. */
  readonly precision: string;
  /** Multiply-adds a second, as far as it is known: runs are cut so that each takes some 50 ms. */
  rate: number;
  /** A Gram matrix of order n; adding to it rejects with `DeviceError` where the device fails. */
  begin(n: number): GramSum;
  release(): Promise<void>;
}

class OpenedDevice implements GramDevice {
  rate = UNKNOWN_RATE;

  constructor(
    readonly provider: Accelerator,
    readonly precision: string,
    private readonly sum: (n: number, runMultiplyAdds: number) => GramSum,
    readonly release: () => Promise<void>,
  ) {}

  begin(n: number): GramSum {
    return this.sum(n, this.rate * RUN_SECONDS);
  }
}

/** @throws Error where the device cannot be opened */
export type OpenGramDevice = (provider: Accelerator, arithmetic: DeviceArithmetic) => Promise<GramDevice>;

export const openGramDevice: OpenGramDevice = async (provider, arithmetic) => {
  if (arithmetic === 'split') {
    const { product, release } = await openSplitProduct(provider);
    return splitDevice(provider, product, release);
  }
  const { multiply, accumulate, release, threads } = await openOnnxProducts(provider);
  const device: ProductSource = { provider, precision: 'float64', refused: [], threads };
  const sum = (n: number, runMultiplyAdds: number): GramSum => {
    const piece = Math.max(MIN_PIECE, runMultiplyAdds);
    const products = {
      device,
      multiply: inPieces(guarded(multiply), guarded(accumulate), piece),
      accumulate: accumulateInPieces(guarded(accumulate), piece),
      dispose: release,
    };
    return gramByProducts(products, n);
  };
  return new OpenedDevice(provider, 'float64', sum, release);
};

export function splitDevice(provider: Accelerator, product: SplitProduct, release: () => Promise<void>): GramDevice {
  const sum = (n: number, runMultiplyAdds: number): GramSum => new SplitGram(guarded(product), n, runMultiplyAdds);
  return new OpenedDevice(provider, `float32×${SLICES}`, sum, release);
}

function guarded<A extends unknown[], R>(product: (...operands: A) => Promise<R>): (...operands: A) => Promise<R> {
  return async (...operands) => {
    try {
      return await product(...operands);
    } catch (error) {
      throw new DeviceError(error instanceof Error ? error.message : String(error), { cause: error });
    }
  };
}
