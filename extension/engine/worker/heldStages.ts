/** The stages of a layer whose bytes a worker holds. */
import { convFarms, FarmsStage } from './layerFarms';
import { EigenSolver } from './eigenSolver';
import { HeldLayer } from './heldLayer';
import {
  FinishedLayer,
  layerOutcome,
  NO_SPECTRA,
  zeroSpectra,
  type LayerFarms,
  type LayerSpectra,
} from './layerOutcome';
import type { LayerOutcome, LayerPrecision, TensorTask } from './layerRecords';
import { SHUFFLE_SEED } from './layerResult';
import { MatrixSpectra } from './matrixSpectra';
import { Stage } from './stage';
import { TensorCount } from './tensorCount';
import type { HeldMatrices, HeldSpectra, KnownSpectra, LastStage, Progress } from './workerCalls';

type Call<T, K extends keyof T> = T[K] extends (params: infer P, ...rest: never[]) => unknown ? P : never;

/** @throws DOMException `AbortError` when cancelled */
export function hold(task: TensorTask, bytes: Uint8Array, solver: EigenSolver): HeldMatrices<HeldSpectra> | LastStage {
  const count = new TensorCount(task, () => solver.throwIfCancelled());
  count.addBytes(bytes);
  const { layer } = task;
  if (!layer || !count.hasSpectrum()) return new FinishedLayer(task, count, NO_SPECTRA);
  const layerTask = { ...task, layer };
  if (count.isZero()) return new FinishedLayer(task, count, zeroSpectra(layerTask));
  const held = new HeldLayer(layerTask, solver, bytes);
  return new Matrices(held, (spectra) => new Spectra(held, count, spectra));
}

class Matrices<Solved> extends Stage implements HeldMatrices<Solved> {
  readonly stage = 'matrices';
  private readonly set: MatrixSpectra;

  /** @param next the stage that has the spectra */
  constructor(
    private readonly held: HeldLayer,
    private readonly next: (spectra: readonly Float64Array[]) => Solved,
  ) {
    super();
    this.set = new MatrixSpectra(held.task, held.solver);
  }

  columns({ matrix, start, end, into }: Call<HeldMatrices<Solved>, 'columns'>): Float64Array {
    return this.held.columns(matrix, start, end, into);
  }

  spectra(_: undefined, onProgress: Progress): Solved {
    return this.next(this.held.eigenvalues(onProgress));
  }

  eigenvalues(params: Call<HeldMatrices<Solved>, 'eigenvalues'>, onProgress: Progress): string | null {
    return this.set.add(params, onProgress);
  }

  solved(): Solved {
    return this.next(this.set.all());
  }
}

class Spectra extends FarmsStage<KnownSpectra> implements HeldSpectra {
  private resolved = false;

  constructor(
    private readonly held: HeldLayer,
    count: TensorCount,
    spectra: readonly Float64Array[],
  ) {
    super(held.task, count, held.solver, spectra);
  }

  resolveSmall(): void {
    this.spectra = this.held.resolved(this.spectra);
    this.resolved = true;
  }

  convFarms(_: undefined, onProgress: Progress): KnownSpectra {
    return this.known(convFarms(this.held, this.count, onProgress));
  }

  shuffle(): HeldMatrices<KnownSpectra> {
    return this.known().shuffle();
  }

  finish(precision: LayerPrecision): LayerOutcome {
    return this.known().finish(precision);
  }

  protected heldPart({ part, turned, into }: Call<HeldSpectra, 'part'>): Float64Array {
    return this.held.part(part, turned, into);
  }

  protected known(farms?: LayerFarms): KnownSpectra {
    const { held, spectra, resolved } = this;
    return new Known(held, this.count, { spectra, resolved, farms });
  }
}

/** All of the layer's spectra but the eigenvalues that ranks are about; those are computed when they are needed. */
type Unranked = Omit<LayerSpectra, 'rankEigenvalues'> & { rankEigenvalues?: Float64Array };

class Known extends Stage implements KnownSpectra {
  readonly stage = 'spectra';

  constructor(
    private readonly held: HeldLayer,
    private readonly count: TensorCount,
    private readonly unranked: Unranked,
  ) {
    super();
  }

  shuffle(): HeldMatrices<KnownSpectra> {
    const { held, count } = this;
    const ranked = this.ranked(); // of the entries as stored
    const shuffled = ranked.shuffled ?? [];
    held.shuffle(SHUFFLE_SEED + shuffled.length);
    return new Matrices(held, (spectra) => new Known(held, count, { ...ranked, shuffled: [...shuffled, spectra] }));
  }

  finish(precision: LayerPrecision): LayerOutcome {
    return layerOutcome(this.held.task, this.count, this.ranked(), precision);
  }

  private ranked(): LayerSpectra {
    const { spectra, rankEigenvalues = this.held.rankEigenvalues(spectra) } = this.unranked;
    return { ...this.unranked, rankEigenvalues };
  }
}
