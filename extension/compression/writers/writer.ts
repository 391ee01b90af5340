/**
 * What a layout of a saved model provides. `registry.ts` lists the layouts; each has a file of its own.
 *
 * A save goes in three steps. `prepare` looks at the whole plan and refuses what the layout cannot hold, before anything is
 * computed or written. `replace` turns each compressed weight into tensors; they are written at once, as a piece beside the
 * target, so that a run that is killed goes on from there. `files` says which files make up the saved model, once all
 * pieces are there; each is then written by streaming from the source and the pieces.
 *
 * The bytes must depend on the source, the plan and the options alone: no dates, no random names.
 */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import type { Model } from '../../checkpoint/openModel';
import type { LayoutName } from '../../shared/compression/layouts';
import type { MeasuredGroup, MeasuredLayer } from '../../shared/compression/measured';
import type { CompressionPlan, GroupPlan, LayerChoice } from '../../shared/compression/plans';
import type { Append } from '../appender';
import type { StoredForm, StoredLayer } from '../compressMatrix';
import type { CompressionMatrix } from '../compressionMatrix';
import type { FactorLayout } from '../factorLayout';
import type { ReducedGroup } from '../groups/reduceGroup';
import type { FloatDType } from '../narrow';
import type { HeaderEntry } from '../safetensorsLayout';
import type { NewTensor } from '../safetensorsWriter';

/** A weight that the plan compresses. */
export interface SavedWeight {
  /** As the plan names it: a tensor's name, or `name[index]` for one expert of a stack. */
  readonly layer: string;
  readonly tensor: TensorInfo;
  readonly matrix: CompressionMatrix;
  /** Index along the first axis of a stack. */
  readonly expert?: number;
  readonly choice: LayerChoice;
  /** Of new floating-point tensors. */
  readonly dtype: FloatDType;
  /** The matrix W of y = Wx is outputs × inputs; the tensor holds its transpose if `transposed`. */
  readonly outputs: number;
  readonly inputs: number;
  readonly transposed: boolean;
  /** How two factors would be called; absent if the weight cannot be two tensors (an expert, a folded tensor). */
  readonly factors?: FactorLayout;
  /** Other tensors with the same numbers (tied weights): they follow this one, and are not copied. */
  readonly twins: readonly string[];
}

/** A block that the plan makes smaller as a whole: an MLP, or a part of an attention. */
export interface SavedGroup {
  /** As the plan names it. */
  readonly name: string;
  readonly plan: GroupPlan;
  /** The projections that change. */
  readonly members: readonly SavedMember[];
  /** Of new tensors. */
  readonly dtype: FloatDType;
}

export interface SavedMember {
  /** `gate`, `up`, `down`, `q`, `k`, `v`, `o`. */
  readonly role: string;
  /** Its weight is `module.weight`. */
  readonly module: string;
  readonly tensor: TensorInfo;
  readonly bias?: TensorInfo;
  /** Of y = Wx, before. */
  readonly outputs: number;
  readonly inputs: number;
  /** The tensor is stored in × out. */
  readonly inputsFirst: boolean;
}

export interface SaveJob {
  readonly checkpoint: Model;
  readonly plan: CompressionPlan;
  /** In the checkpoint's order. */
  readonly weights: readonly SavedWeight[];
  readonly groups?: readonly SavedGroup[];
  /** Tensors that no saved model holds: optimizer state, say. */
  readonly leftOut: ReadonlySet<string>;
  /** Path of the quantised checkpoint that adapters belong to. */
  readonly quantised?: string;
  /** Most bytes of tensors in a file; a larger tensor gets a file of its own. */
  readonly shardBytes: number;
  /** For the metadata of files: what was done, without a date. */
  readonly note: Readonly<Record<string, unknown>>;
}

export interface Layout {
  /**
   * Looks at the whole job.
   *
   * @throws CompressionError `unsupported` in a sentence that names the layer, the reason and the remedy
   */
  prepare(job: SaveJob, signal: AbortSignal): Promise<PreparedLayout>;
}

export interface PreparedLayout {
  /** What it stores of a weight. */
  readonly form: StoredForm;
  /** What the person should know of what was saved. @param pieces as `files` gets them */
  notes(pieces: readonly Piece[]): readonly string[];
  /** Bytes of what `replace` makes of a weight, as planned; those of the method's parts or of their sum without. */
  plannedBytes?(weight: SavedWeight): number;
  /** Nothing but what is new is written. */
  readonly alone?: true;
  /** @throws CompressionError, CheckpointError (it may read the weight's bias), AbortError */
  replace(weight: SavedWeight, stored: StoredLayer, signal: AbortSignal): Promise<Replaced>;
  /** Absent if the layout holds no smaller blocks. @throws CompressionError */
  replaceGroup?(group: SavedGroup, reduced: ReducedGroup): Replaced;
  /** @param pieces one for each weight of the job, in its order, then those of groups */
  files(pieces: readonly Piece[], signal: AbortSignal): Promise<readonly OutputFile[]>;
}

/** What stands in a weight's place. */
export interface Replaced {
  readonly tensors: readonly NewTensor[];
  /** Tensors of the checkpoint that are not copied: first the weight itself, then its twins and a bias that was added to. */
  readonly drops: readonly string[];
  /** Tensors of the checkpoint that are copied under another name: a bias that moves to the second factor. */
  readonly renames?: Readonly<Record<string, string>>;
  /** What `files` needs to know of it, as JSON. */
  readonly record?: JsonValue;
}

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** A finished piece, as the journal remembers it: everything but the elements. */
export interface Piece extends Omit<Replaced, 'tensors'> {
  /** The layer of its weight, or the name of its group. */
  readonly of: string;
  readonly tensors: readonly HeaderEntry[];
  readonly measured: readonly (MeasuredLayer | MeasuredGroup)[];
  /** Changes of the model's configuration: a group's smaller `intermediate_size`. */
  readonly config?: Readonly<Record<string, JsonValue>>;
}

/** A file of the saved model. */
export interface OutputFile {
  /** Below the target, with `/`. */
  readonly path: string;
  /** Exactly what `write` appends. */
  readonly bytes: number;
  /** Those of them that are elements of tensors; none if absent. */
  readonly tensorBytes?: number;
  /** Pieces (`Piece.of`) that it is written from. */
  readonly pieces: readonly string[];
  write(append: Append, pieces: PieceReader, signal: AbortSignal): Promise<void>;
}

export interface PieceReader {
  /** Bytes [start, end) of a tensor of a piece; all of them without. */
  read(piece: string, tensor: string, start?: number, end?: number): Promise<Uint8Array>;
}

export type Layouts = Partial<Record<LayoutName, Layout>>;
