/** The engine's side of a worker's products: onnxruntime, which only the main thread may use. @see ProductHost */
import { reduceToBandMatrix, type PanelReflectors } from '../../linalg/eigen/bandReduction';
import type { BandMatrix, Interval } from '../../linalg/kernels/bandMatrix';
import { applyPanels } from '../../linalg/eigen/bandVectors';
import { HeldVectors } from '../../linalg/eigen/heldVectors';
import { SymmetricSlabs } from '../../linalg/gram/symmetricSlabs';
import { loadKernels } from '../../linalg/kernels/loadKernels';
import type { MatrixProducts, Multiply } from '../../linalg/products/productTypes';
import type { Progress } from './workerCalls';

/** Calls of the worker by name; what has no result answers null. */
export interface ServedCalls {
  multiply: (params: { operands: Parameters<Multiply> }) => Promise<AnsweredProduct>;
  beginGram: (params: { n: number }) => Promise<null>;
  addGram: (params: { x: Float64Array; k: number }) => Promise<Float64Array>;
  reduce: (params: null, onProgress: Progress) => Promise<BandMatrix>;
  hold: (params: { x: Float64Array; count: number; damped: Interval }) => Promise<null>;
  filter: (params: { degree: number }, onProgress: Progress) => Promise<null>;
  overlaps: (params: null) => Promise<Float64Array>;
  imageOverlaps: (params: null) => Promise<Float64Array>;
  combine: (params: { coefficients: Float64Array }) => Promise<null>;
  choose: (params: { coefficients: Float64Array }) => Promise<null>;
  residuals: (params: { values: Float64Array }) => Promise<Float64Array>;
  transform: (params: { k: number }, onProgress: Progress) => Promise<Float64Array>;
}

export interface AnsweredProduct {
  product: Float64Array;
  /** What the operands came in, handed back. */
  lent: ArrayBuffer[];
}

/** Serves one lease of a worker. */
export class ProductServer implements ServedCalls {
  private gram: SymmetricSlabs | undefined;
  private reduced: { band: BandMatrix; panels: PanelReflectors[] } | undefined;
  private held: HeldVectors | undefined;

  constructor(
    private readonly products: MatrixProducts,
    private readonly signal: AbortSignal,
  ) {}

  readonly multiply: ServedCalls['multiply'] = async ({ operands }) => {
    const product = await this.products.multiply(...operands);
    const [a, b] = operands;
    return { product, lent: [...new Set([a, b].map(({ buffer }) => buffer as ArrayBuffer))] };
  };

  readonly beginGram: ServedCalls['beginGram'] = ({ n }) => {
    this.forget();
    this.gram = new SymmetricSlabs(n);
    return Promise.resolve(null);
  };

  readonly addGram: ServedCalls['addGram'] = async ({ x, k }) => {
    await this.begun(this.gram).addGram(this.products, x, k, this.signal);
    return x;
  };

  readonly reduce: ServedCalls['reduce'] = async (_, onProgress) => {
    const gram = this.begun(this.gram);
    this.gram = undefined;
    gram.mirrorBlocks();
    const keep: PanelReflectors[] = [];
    const { products, signal } = this;
    const band = await reduceToBandMatrix(gram, { products, kernels: loadKernels(), signal, onProgress, keep });
    this.reduced = { band, panels: keep };
    return band;
  };

  readonly hold: ServedCalls['hold'] = ({ x, count, damped }) => {
    this.held = new HeldVectors(this.begun(this.reduced).band, x, count, damped, this.products, this.signal);
    return Promise.resolve(null);
  };

  readonly filter: ServedCalls['filter'] = async ({ degree }, onProgress) => {
    await this.begun(this.held).filter(degree, onProgress);
    return null;
  };

  readonly overlaps: ServedCalls['overlaps'] = () => this.begun(this.held).overlaps();

  readonly imageOverlaps: ServedCalls['imageOverlaps'] = () => this.begun(this.held).imageOverlaps();

  readonly combine: ServedCalls['combine'] = async ({ coefficients }) => {
    await this.begun(this.held).combine(coefficients);
    return null;
  };

  readonly choose: ServedCalls['choose'] = async ({ coefficients }) => {
    await this.begun(this.held).choose(coefficients);
    return null;
  };

  readonly residuals: ServedCalls['residuals'] = ({ values }) => this.begun(this.held).residuals(values);

  readonly transform: ServedCalls['transform'] = async ({ k }, onProgress) => {
    const { panels } = this.begun(this.reduced);
    const x = this.begun(this.held).release(k);
    this.forget();
    await applyPanels(panels, x, k, this.products, { signal: this.signal, onProgress });
    return x;
  };

  private forget(): void {
    this.gram = undefined;
    this.reduced = undefined;
    this.held = undefined;
  }

  private begun<T>(state: T | undefined): T {
    if (state === undefined) throw new Error('a worker asked for a stage of a matrix that it has not begun');
    return state;
  }
}
