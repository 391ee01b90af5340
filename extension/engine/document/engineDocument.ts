/** One open checkpoint in the engine: its layers by name, and their results so far. */
import { createHash } from 'node:crypto';
import type { Model } from '../../checkpoint/openModel';
import { foldedTensor } from '../../checkpoint/wrappers/foldedTensor';
import type { DocumentStamp } from '../../protocol';
import { EnergyShares } from '../../shared/ranks/energyShares';
import { FactorPair } from '../../shared/ranks/factorPair';
import type { LayerResult, SingularVectors } from '../../shared/layers';
import type { CheckpointSummary, LayerParts, Problem } from '../../shared/tensors';
import { layersOf, type LayerGeometry } from '../../spectral/matrices';
import { rankSuggestion } from '../../spectral/ranks/ranks';
import { weloreRanks } from '../../shared/ranks/welore';
import { contentFingerprint } from './contentFingerprint';
import { contentProbe, sampleFiles } from './contentProbe';
import { type EngineLayer, rankMatrix, EngineError } from '../layer/engineLayer';
import { changedFile, settledAt, type FileState } from './fileSnapshot';
import { layerRows } from '../layer/layerInput';
import { layerParts, partSummaries, wholeOf, type PartLayer } from './layerParts';
import { didYouMean } from '../../shared/names/nearestNames';
import type { LayerOutcome } from '../worker/layerRecords';

/** Mean rank reduction that the WeLore suggestion aims at, the middle of its paper's settings. */
const WELORE_TARGET_REDUCTION = 0.5;

export class EngineDocument {
  /** By layer name, and by tensor name for tensors without a spectrum; in file order. */
  readonly layers = new Map<string, EngineLayer>();
  readonly results = new Map<string, LayerResult>();
  /** Results of layer parts. Excluded from model-wide totals. */
  private readonly partResults = new Map<string, LayerResult>();
  /** Parts by their layer's name, of layers that were asked for them. */
  private readonly parts = new Map<string, { parts: PartLayer[]; reason?: string }>();
  /** Singular vectors of the layers looked at last. */
  readonly vectors = new Map<string, SingularVectors>();
  /** Names of the layers of a tensor with several (expert stacks). */
  private readonly layersOfTensor = new Map<string, string[]>();
  /** λ of finished layers: WeLore's one threshold needs them all. */
  private readonly rankEigenvalues = new Map<string, Float64Array>();
  private readonly shapes = new Map<string, readonly number[]>();
  private readonly shapeOf = (tensor: string): readonly number[] | undefined => this.shapes.get(tensor);
  private identityHash: string | undefined;
  private fileSamples: Promise<Buffer> | undefined;
  private contentHash: Promise<string> | undefined;
  private changeFound: Problem | undefined;

  constructor(
    readonly handle: string,
    /** The path that was asked for: a folder, say, where `checkpoint.path` is the index found in it. */
    readonly openedPath: string,
    readonly checkpoint: Model,
    private readonly files: readonly FileState[],
    readonly summary: CheckpointSummary,
  ) {
    for (const { name, shape } of checkpoint.tensors) this.shapes.set(name, shape);
    for (const stored of checkpoint.tensors) {
      const { layers, noSpectrum } = layersOf(stored, this.shapeOf);
      const axes = layers[0]?.axes;
      const tensor = axes ? foldedTensor(stored, axes) : stored;
      if (layers.length === 0)
        this.layers.set(tensor.name, { tensor, ...(noSpectrum !== undefined && { noSpectrum }) });
      for (const geometry of layers) this.layers.set(geometry.name, { tensor, geometry });
      if (layers.length > 1) {
        this.layersOfTensor.set(
          tensor.name,
          layers.map(({ name }) => name),
        );
      }
    }
  }

  /** Whose the messages about it are. */
  get stamp(): DocumentStamp {
    return { document: this.handle, path: this.openedPath, version: this.summary.version };
  }

  /**
   * What makes a checkpoint the same one for the cache: its files' places, sizes and times, and the table of its
   * tensors. The place is part of it because archives unpack two fine-tunes of one model with the same sizes and
   * times. Made when first needed: hashing 100 000 names is not part of opening.
   */
  get identity(): string {
    if (this.identityHash === undefined) {
      const hash = createHash('sha256');
      hash.update(`${this.summary.version}\n`);
      for (const { name, shape, dtype } of this.checkpoint.tensors)
        hash.update(`${name} ${dtype} ${shape.join('x')}\n`);
      this.identityHash = hash.digest('hex').slice(0, 32);
    }
    return this.identityHash;
  }

  /** Tells the model by its content, wherever it lies: plans name it. @throws what reading throws */
  fingerprint(signal: AbortSignal): Promise<string> {
    if (!this.contentHash) {
      const hash = contentFingerprint(this.checkpoint, signal);
      this.contentHash = hash;
      // The next one tries anew.
      hash.catch(() => {
        if (this.contentHash === hash) this.contentHash = undefined;
      });
    }
    return this.contentHash;
  }

  /** A hash of some of the bytes that a layer's numbers are made of. @throws what reading throws */
  probe(name: string): Promise<Buffer> {
    const { tensor, geometry } = this.layer(name);
    return contentProbe(this.checkpoint, tensor, layerRows(tensor, geometry), () => {
      if (!this.fileSamples) {
        const samples = sampleFiles(this.files.map(({ file }) => file));
        this.fileSamples = samples;
        // The next one tries anew.
        samples.catch(() => {
          if (this.fileSamples === samples) this.fileSamples = undefined;
        });
      }
      return this.fileSamples;
    });
  }

  /** True if a change of the files from now on gives them other times. */
  get settled(): boolean {
    return Date.now() >= settledAt(this.files);
  }

  /** @throws EngineError */
  layer(name: string): EngineLayer {
    const layer = this.layers.get(name) ?? this.part(name);
    if (!layer) {
      const hint = didYouMean(name, this.layers.keys());
      throw new EngineError('unknown-layer', `${this.checkpoint.path} has no layer "${name}"${hint}`);
    }
    return layer;
  }

  /** What the layer (or part) is called by another program, where its file's format has names of its own. */
  aliasOf(name: string): string | undefined {
    const { tensor } = this.layer(name);
    const { name: own, alias } = tensor.slice?.of ?? tensor;
    return alias === undefined ? undefined : alias + name.slice(own.length);
  }

  private part(name: string): PartLayer | undefined {
    const whole = wholeOf(name);
    return whole === undefined ? undefined : this.partsOf(whole).parts.find(({ summary }) => summary.name === name);
  }

  private partsOf(name: string): { parts: PartLayer[]; reason?: string } {
    const layer = this.layers.get(name);
    if (!layer) return { parts: [] };
    let found = this.parts.get(name);
    if (!found) {
      found = layerParts(layer, this.checkpoint.config, this.shapeOf);
      this.parts.set(name, found);
    }
    return found;
  }

  /** The parts of a layer, or those that lie in a part. @throws EngineError */
  partsIn(name: string): LayerParts {
    if (this.layers.has(name)) return partSummaries(this.partsOf(name));
    const { partOf } = this.layer(name);
    const part = this.part(name)!;
    return partSummaries(this.partsOf(partOf!), part.summary.label);
  }

  /**
   * The layer's name in a cache. For a part it also holds the part's rows: they come from the model's configuration,
   * which may change beside the same files.
   */
  cacheName(name: string): string {
    const { slice } = this.layer(name).tensor;
    return slice ? `${name} ${JSON.stringify([slice.rows, slice.cols])}` : name;
  }

  /** The layer (or part) whose elements those of this one are, where its tensor is tied to another. */
  tiedLayer(name: string): string | undefined {
    const { tensor, geometry } = this.layer(name);
    const { name: own, sharedWith } = tensor.slice?.of ?? tensor;
    if (sharedWith === undefined) return undefined;
    const twin = sharedWith + name.slice(own.length);
    const other = (this.layers.get(twin) ?? this.part(twin))?.geometry;
    // Names tell apart what is a kernel and what a stack: the two may be seen in different ways.
    return sameMatrices(geometry, other) ? twin : undefined;
  }

  /** The result of a layer or a part, if there is one. */
  result(name: string): LayerResult | undefined {
    return this.results.get(name) ?? this.partResults.get(name);
  }

  setResult(result: LayerResult): void {
    (this.layers.has(result.name) ? this.results : this.partResults).set(result.name, result);
  }

  /** Tensor names stand for all of their layers. */
  expand(names: readonly string[]): string[] {
    return names.flatMap((name) => this.layersOfTensor.get(name) ?? [name]);
  }

  remember({ result, rankEigenvalues }: LayerOutcome): void {
    this.setResult(result);
    // Parts and tied weights do not count, nor does what is added to a weight: WeLore compares the weights of one
    // model.
    const counts = !result.factored && result.tiedWith === undefined && this.layers.has(result.name);
    if (rankEigenvalues.length > 0 && counts) {
      this.rankEigenvalues.set(result.name, rankEigenvalues);
    }
  }

  /** True once every layer has been looked at. */
  complete(): boolean {
    return this.results.size === this.layers.size;
  }

  /** Results that gain a WeLore rank, now that the spectra of all layers are known. */
  weloreResults(): LayerResult[] {
    if (this.rankEigenvalues.size < 2) return [];
    const spectra = [...this.rankEigenvalues].map(([name, eigenvalues]) => ({
      name,
      singularValues: Float64Array.from(eigenvalues, Math.sqrt).reverse(),
    }));
    const { ranks } = weloreRanks(spectra, WELORE_TARGET_REDUCTION);
    const changed: LayerResult[] = [];
    for (const [name, eigenvalues] of this.rankEigenvalues) {
      const result = this.results.get(name)!;
      const rank = ranks.get(name);
      if (rank === undefined || result.ranks.welore?.rank === rank) continue;
      const { rows, cols } = rankMatrix(this.layer(name));
      const welore = rankSuggestion(new EnergyShares(eigenvalues), new FactorPair(rows, cols), rank);
      const updated = { ...result, ranks: { ...result.ranks, welore } };
      this.results.set(name, updated);
      changed.push(updated);
    }
    return changed;
  }

  /** What is no longer as it was when the checkpoint was opened. */
  get change(): Problem | undefined {
    return this.changeFound;
  }

  /** @returns false where a change was noted before */
  noteChange(problem: Problem): boolean {
    if (this.changeFound) return false;
    this.changeFound = problem;
    return true;
  }

  /** Looks for a change on disk, until there is one. */
  async findChange(): Promise<Problem | undefined> {
    return this.changeFound ? undefined : changedFile(this.files);
  }
}

function sameMatrices(a: LayerGeometry | undefined, b: LayerGeometry | undefined): boolean {
  return a !== undefined && a.kind === b?.kind && a.rows === b.rows && a.cols === b.cols && a.count === b.count;
}
