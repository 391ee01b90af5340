/**
 * What Eigenscope gives to other extensions, version 1. Copy this file into yours:
 *
 *     const extension = vscode.extensions.getExtension<EigenscopeExports>('eigenscope.eigenscope');
 *     const api = (await extension?.activate())?.getApi(1);
 *
 * Version 1 gets further members, and loses none. Everything is a copy: changing it changes nothing in Eigenscope. Every
 * error's message is a sentence for a person; `code` is a word for programs. What a token cancels rejects with VS Code's
 * `CancellationError`. Names come from files whose authors chose them: show them as text.
 */
import type { CancellationToken, Event, Uri } from 'vscode';

/** The exports of the extension `eigenscope.eigenscope`. */
export interface EigenscopeExports {
  /** @throws Error for a version that this Eigenscope does not have */
  getApi(version: 1): EigenscopeApi;
}

export interface EigenscopeApi {
  readonly version: 1;
  /** Every number that layers can have, with its definition. */
  readonly metrics: readonly MetricDescription[];
  /** Numbers that are new or gone, of checkpoints that are open here or in a tab; told a few times a second at most. */
  readonly onDidChangeNumbers: Event<NumbersChange>;
  /**
   * Opens a checkpoint without a tab. Reads headers only. Dispose it when you need it no more.
   *
   * @param uri file on a disk of the machine that Eigenscope runs on, or a folder that holds one model
   */
  openCheckpoint(uri: Uri): Promise<Checkpoint>;
  /** Shows a checkpoint in Eigenscope's tab, at a layer if one is named. */
  showCheckpoint(uri: Uri, layer?: string): Promise<void>;
  /**
   * Two layers in numbers, of one checkpoint or of two. Layers of other shapes can be compared, too.
   *
   * @returns undefined if numbers are missing and `compute` is not set
   */
  compareLayers(a: LayerReference, b: LayerReference, options?: NumbersOptions): Promise<LayerComparison | undefined>;
}

export interface MetricDescription {
  /** Key in `LayerNumbers.metrics`. */
  readonly key: string;
  readonly label: string;
  readonly description: string;
  /** Tool or paper whose definition it is; empty for our own. */
  readonly source: string;
}

export interface NumbersChange {
  readonly uri: Uri;
  /** Layers with other numbers than before; all of the checkpoint's where `reason` is given. */
  readonly layers: readonly string[];
  /** Why earlier numbers hold no more: the files changed, or settings did. A sentence. */
  readonly reason?: string;
}

/** An open checkpoint. */
export interface Checkpoint {
  readonly uri: Uri;
  summary(): Promise<CheckpointSummary>;
  /** In the file's order. */
  layers(): Promise<readonly LayerInfo[]>;
  /**
   * Numbers of a layer as far as they are known, from an open tab or from Eigenscope's cache. With `compute`, what is
   * missing is computed, which takes seconds to minutes for a large matrix.
   *
   * @returns undefined if they are not known and `compute` is not set
   */
  numbers(layer: string, options?: NumbersOptions): Promise<LayerNumbers | undefined>;
  /** Computes what is missing of these layers, all of the checkpoint's without `layers`. */
  compute(layers?: readonly string[], options?: ComputeOptions): Promise<readonly LayerNumbers[]>;
  /** Opens the files anew, after they changed on the disk. */
  reload(): Promise<void>;
  /** Ends what it computes, and closes the files unless somebody else has them open. */
  dispose(): void;
}

export interface NumbersOptions {
  /** Computes what is not known. Off by default. */
  readonly compute?: boolean;
  readonly token?: CancellationToken;
}

export interface ComputeOptions {
  readonly token?: CancellationToken;
  /** Layers done so far, of all that were asked for. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface LayerReference {
  readonly uri: Uri;
  readonly layer: string;
}

export interface CheckpointSummary {
  readonly path: string;
  /** `safetensors`, `gguf`, `pytorch`, … */
  readonly format: string;
  /** What names and configuration suggest, for instance `LLaMA (5 blocks, hidden 64)`. */
  readonly architecture: string;
  /** Of the model: tied weights count once, optimizer state not at all. */
  readonly parameters: number;
  readonly bytes: number;
  readonly tensors: number;
  /** Parameters by stored type, the largest first. */
  readonly dtypes: readonly { readonly dtype: string; readonly parameters: number }[];
  readonly metadata: Readonly<Record<string, string>>;
  /** What could not be read: sentences. */
  readonly problems: readonly string[];
}

/** A unit of spectral analysis, or a tensor without a spectrum. Known from headers alone. */
export interface LayerInfo {
  readonly layer: string;
  /** The tensor that it lies in; a stack of experts holds several layers. */
  readonly tensor: string;
  readonly shape: readonly number[];
  /** As stored: `BF16`, `Q4_0`. */
  readonly dtype: string;
  readonly parameters: number;
  readonly hasSpectrum: boolean;
  /** Why it has none. */
  readonly noSpectrum?: string;
  /** Tied with this tensor. */
  readonly tiedWith?: string;
}

export interface LayerNumbers {
  readonly layer: string;
  readonly tensor: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  /** By the keys of `EigenscopeApi.metrics`; null where a number is undefined for this layer. */
  readonly metrics: Readonly<Record<string, number | null>>;
  /** Why metrics are null, by their key. */
  readonly missing: Readonly<Record<string, string>>;
  /** What alpha says of the layer's training, hedged, with the evidence in one sentence. Absent without a spectrum. */
  readonly verdict?: { readonly verdict: string; readonly reason: string };
  /** Alpha on windows of one aspect ratio; absent if FARMS is off or has no fit. */
  readonly farms?: { readonly alpha: number; readonly D: number | null; readonly interval?: readonly [number, number] };
  /** Ranks by rule: relative Frobenius error, parameters of two factors, their share of what is stored. */
  readonly ranks: Readonly<Record<string, RankNumbers>>;
  /** The rank worth trying first, or why none is. Absent without ranks. */
  readonly suggestion?: (RankNumbers & { readonly energy: number }) | { readonly reason: string };
  /** Of all elements; NaN and infinite ones count in no moment. */
  readonly statistics?: {
    readonly count: number;
    readonly min: number | null;
    readonly max: number | null;
    readonly mean: number | null;
    readonly std: number | null;
    readonly zeros: number;
    readonly nan: number;
    readonly inf: number;
  };
  /** Arithmetic and device, for instance `float64 cpu`. */
  readonly precision?: string;
  /** What stood in the way of some numbers: sentences. */
  readonly problems: readonly string[];
}

export interface RankNumbers {
  readonly rank: number;
  readonly error: number;
  readonly parameters: number;
  readonly ratio: number;
}

export interface LayerComparison {
  readonly a: LayerNumbers;
  readonly b: LayerNumbers;
  /** Metrics that both have. `difference` is b − a; `ratio` is b/a, null where a is 0. */
  readonly metrics: Readonly<
    Record<
      string,
      { readonly a: number; readonly b: number; readonly difference: number; readonly ratio: number | null }
    >
  >;
  /**
   * √Σ(σᵢ(A) − σᵢ(B))², and that over ‖A‖: no less than this must have changed between them, by Mirsky's theorem
   * ‖A − B‖ ≥ ‖σ(A) − σ(B)‖. Only for matrices of one shape, and only with `compute`.
   */
  readonly spectralDistance?: { readonly absolute: number; readonly relative: number | null };
}
