/**
 * Every message between the extension host, the engine (child process) and the webview: types only, the map of the
 * system. Requests and notifications are plain interfaces from which `rpc.ts` derives the typed calls. The records that
 * they carry stand in `shared/`.
 */
import type { ColumnLayout } from './shared/columnLayout';
import type { Assignment, AssignmentRequest } from './shared/compression/assignments';
import type { GroupOption } from './shared/compression/blockGroups';
import type { LayerDifference } from './shared/compression/layerDifference';
import type { MeasuredLayer } from './shared/compression/measured';
import type { GramUse } from './shared/compression/methodNeeds';
import type { ModelSaving } from './shared/compression/modelSaving';
import type { PlanSource } from './shared/compression/planSource';
import type { CompressionPlan, LayerChoice } from './shared/compression/plans';
import type { QuantisedSummary } from './shared/compression/quantisedCheckpoint';
import type { RunRequest, RunResult } from './shared/compression/runs';
import type { StatisticsSummary } from './shared/compression/statistics';
import type { RankRequest, CompressionPreview, SaveRequest, SaveResult } from './shared/compressions';
import type { DeviceInfo } from './shared/devices';
import type { ArrayContents, ElementRange, ElementSlice, ElementTable, SavedArray } from './shared/elements';
import type { InspectDepth, PassSeconds, QuickLook } from './shared/estimates';
import type { ExportFormat, ExportRequest, ExportResult, ToldNumbers } from './shared/exports/exportFormats';
import type {
  GoodnessOfFit,
  InspectSettings,
  LayerResult,
  LayerSpectrum,
  LayerVectors,
  ShuffledSpectrum,
  SingularVectors,
  HeatMap,
} from './shared/layers';
import type { CalibrationReport, CalibrationRequest, EvaluationReport, EvaluationRequest } from './shared/modelRuns';
import type { KeptNumbers, OwnNumbers } from './shared/ownNumbers';
import type { TableShares } from './shared/tableShares';
import type { Problem, LayerParts, PackedSummary } from './shared/tensors';
import type { TextRequests, TextRun, TextViewRequests } from './shared/textRuns';

/** A cached answer for the hover: never computes. */
export interface PeekResult {
  layer: LayerResult;
  /** At most 64 points of the ranked log10 σ curve, for the small picture. */
  curve: number[];
}

/* ------------------------------------------------------------------ host → engine */

/** The checkpoint that a message is about. */
export interface DocumentStamp {
  /** The engine's handle: not to be guessed, and known to no other process. */
  document: string;
  /** The path that was asked for when it was opened. */
  path: string;
  /** Version of its files when they were opened. */
  version: string;
}

/** An answer with whose it is: a session refuses what is about another checkpoint than its own. */
export interface Stamped<T> {
  about: DocumentStamp;
  answer: T;
}

export interface EngineRequests extends StampedRequests {
  /** Reads headers. Opening an open path again returns a second handle on the same checkpoint. */
  open: { params: { path: string }; result: Stamped<PackedSummary> };
  /** Cancels the document's jobs and closes its files. Closing one that is not open does nothing. */
  close: { params: { document: string }; result: null };
  /** Cached results only, by checkpoint path. */
  peek: { params: { path: string; layer: string; settings: InspectSettings }; result: Stamped<PeekResult> | null };
  /** As far as it is known: `auto` tries devices when the first layer could gain; this begins the trial of a named one. */
  device: { params: null; result: DeviceInfo };
}

type StampedRequests = {
  [K in keyof DocumentRequests]: {
    params: DocumentRequests[K]['params'];
    result: Stamped<DocumentRequests[K]['result']>;
  };
};

/** Requests about an open checkpoint; each answer carries its stamp. */
export interface DocumentRequests extends TextRequests {
  /** What the layer's matrix consists of: fused projections, heads, gates. From the header and the model's configuration. */
  parts: { params: { document: string; layer: string }; result: LayerParts };
  /** Queues tensors, layers or parts of layers (all layers where `names` is absent); answers at once, results come as notifications. */
  inspect: {
    params: { document: string; names?: string[]; settings: InspectSettings; depth?: InspectDepth };
    result: { queued: number };
  };
  /** Moves these tensors' jobs to the front, first one first. */
  prioritise: { params: { document: string; names: string[] }; result: null };
  /** Cancels these jobs, or all of the document's. */
  cancel: { params: { document: string; names?: string[] }; result: null };
  /** Everything a layer's view draws; computes what is not cached. */
  spectrum: { params: { document: string; layer: string; settings: InspectSettings }; result: LayerSpectrum };
  /** Takes the spectrum of the layer with its entries in random order, from a fixed seed. */
  shuffled: { params: { document: string; layer: string; settings: InspectSettings }; result: ShuffledSpectrum };
  /** Tests the fit of alpha by a bootstrap; tells its progress as `testing`. */
  goodness: { params: { document: string; layer: string; settings: InspectSettings }; result: GoodnessOfFit };
  /** How the vectors of the `count` largest singular values are spread; all of them where there are fewer. */
  vectorMetrics: { params: { document: string; layer: string; count: number }; result: LayerVectors };
  /** The `count` largest singular triplets, all of them without it. */
  singularVectors: { params: { document: string; layer: string; count?: number }; result: SingularVectors };
  heatMap: { params: { document: string; layer: string; order: number }; result: HeatMap };
  /** Rows and columns of a layer's elements: from the header alone. */
  elementTable: { params: { document: string; layer: string }; result: ElementTable };
  /** Elements of a part of a layer. */
  elements: { params: { document: string; layer: string; range: ElementRange }; result: ElementSlice };
  /** Writes an `.npy` file, which may exist already; tells its progress as `saving`. */
  saveArray: {
    params: { document: string; layer: string; contents: ArrayContents; target: string; settings: InspectSettings };
    result: SavedArray;
  };
  previewCompression: {
    params: { document: string; layer: string; method: string; rank: RankRequest; settings: InspectSettings };
    result: CompressionPreview;
  };
  /** One layer by several methods, each measured on what would be stored. */
  compareChoices: {
    params: {
      document: string;
      layer: string;
      choices: LayerChoice[];
      /** A file of statistics. */
      statistics?: string;
      /** A quantised checkpoint of the same model. */
      quantised?: string;
      settings: InspectSettings;
    };
    result: MeasuredLayer[];
  };
  /** What one method loses of one layer, and where. */
  choiceDifference: {
    params: {
      document: string;
      layer: string;
      choice: LayerChoice;
      statistics?: string;
      quantised?: string;
      settings: InspectSettings;
    };
    result: LayerDifference;
  };
  /** Opens a file of statistics of the model's inputs, and says what it covers. */
  useStatistics: { params: { document: string; path: string }; result: StatisticsSummary };
  /** Opens a quantised checkpoint of the same model for a moment, and says which layers it holds. */
  useQuantised: { params: { document: string; path: string }; result: QuantisedSummary };
  /** Which groups of projections can become smaller together, by which method, and why others cannot. */
  groupOptions: { params: { document: string }; result: GroupOption[] };
  /** A plan by integer programming: takes seconds, as its time limit says. */
  assignPlan: {
    params: { document: string; request: AssignmentRequest; settings: InspectSettings };
    result: Assignment;
  };
  /** λ_max/λ_min of the Gram matrix of a layer's inputs; null if there is none. */
  gramCondition: {
    params: { document: string; path: string; layer: string };
    result: number | 'singular' | null;
  };
  /** Why the statistics of a layer cannot be used so, in words that name the array; null if they can. */
  tryStatistics: { params: { document: string; path: string; layer: string; use: GramUse }; result: string | null };
  /** All λ of W·L, descending, C = LLᵀ the Gram matrix of a layer's inputs; null if there is none. */
  gramSpectrum: { params: { document: string; path: string; layer: string }; result: Float64Array | null };
  saveCompressed: { params: { document: string; request: SaveRequest; settings: InspectSettings }; result: SaveResult };
  /** Compresses the whole model by a plan, into a new folder; tells its progress as `saving`. */
  runPlan: { params: { document: string; request: RunRequest }; result: RunResult };
  /** What a plan is made from. What is not known is computed as far as `compute` says. */
  planLayers: {
    params: { document: string; settings: InspectSettings; compute: 'nothing' | 'spectra' | 'farms' };
    result: PlanSource;
  };
  /** Reads the plan in a file. Rejects what is none for this checkpoint, and says where. */
  loadPlan: { params: { document: string; path: string; statistics: string | null }; result: CompressionPlan };
  /** Writes a plan to a file, whose name must end as plans' names do. */
  savePlan: { params: { document: string; plan: CompressionPlan; target: string }; result: { path: string } };
  /** Reads a person's own numbers of layers from a CSV or JSON file. */
  ownNumbers: { params: { document: string; path: string }; result: OwnNumbers };
  /** Writes a picture, whose name must end in `.svg` or `.png`. */
  savePicture: { params: { document: string; bytes: Uint8Array; target: string }; result: { path: string } };
  /** Results as the host has them, for an export that follows. The first slice forgets those of an earlier export. */
  tellResults: { params: { document: string; results: LayerResult[]; first: boolean }; result: null };
  /** Writes the results that were told to a file; tells its progress as `saving`. */
  exportNumbers: {
    params: { document: string; request: ExportRequest; settings: InspectSettings };
    result: ExportResult;
  };
  /** The overview of the results that were told, in Markdown. */
  overviewText: { params: { document: string; request: ToldNumbers; settings: InspectSettings }; result: string };
  /** Runs an ONNX model for statistics of its weights' inputs; tells its progress as `saving`. */
  calibrate: {
    params: { document: string; request: Omit<CalibrationRequest, 'gramBytes'> };
    result: CalibrationReport;
  };
  /** The document, which is the original, and its compressed copy on the same inputs; progress as `saving`. */
  evaluate: {
    params: { document: string; compressed: string; request: EvaluationRequest };
    result: EvaluationReport;
  };
}

/* ------------------------------------------------------------------ host → header reader */

/** The process that reads headers for hovers: it opens nothing that stays open, and computes nothing. */
export interface HeaderRequests {
  /** Names and shapes; no metadata, and no handle that would be good for anything. */
  headers: { params: { path: string }; result: PackedSummary };
}

/* ------------------------------------------------------------------ engine → host (→ webview) */

export interface EngineNotifications {
  result: DocumentStamp & { result: LayerResult };
  /** `fraction` in [0, 1]. */
  progress: DocumentStamp & { name: string; stage: string; fraction: number };
  /** Estimates of a layer whose spectrum is not known yet. */
  quick: DocumentStamp & { look: QuickLook };
  queue: DocumentStamp & QueueNews;
  /** Progress of a running save, calibration or evaluation; the time left once it can be told. */
  saving: DocumentStamp & { fraction: number; message: string; secondsLeft?: number };
  /** Progress of a language model on a text. */
  running: DocumentStamp & { fraction: number; message: string; secondsLeft?: number };
  /** A running test of a fit. */
  testing: DocumentStamp & { layer: string; fraction: number };
  /** The checkpoint's files changed, shrank or vanished while open. */
  changed: DocumentStamp & { problem: Problem };
  /** A device was tried, or failed while in use. */
  device: DeviceInfo;
  log: { level: 'info' | 'warn' | 'error'; message: string };
}

/** `done` and `total` are of results; `quick` is of quick looks, if there are any. */
export interface QueueNews {
  done: number;
  total: number;
  active: string[];
  quick?: { done: number; total: number };
  secondsLeft?: PassSeconds;
}

/* ------------------------------------------------------------------ webview → host */

export interface ViewRequests extends TextViewRequests {
  /** First message of a view: what to show. Rejects with the open error. */
  ready: { params: null; result: ViewState };
  /** The table is on the screen: what was held back for it, computing, may begin. */
  drawn: { params: null; result: null };
  /** For this view, those that are open in the workspace (as `columns`), and all that open later. */
  rememberColumns: { params: { layout: ColumnLayout }; result: null };
  /** For views that open later in the workspace. */
  rememberShares: { params: { shares: TableShares }; result: null };
  /** The layer that is open beside the table. */
  shows: { params: { layer: string | null }; result: null };
  inspect: { params: { names?: string[] }; result: { queued: number } };
  prioritise: { params: { names: string[] }; result: null };
  cancel: { params: { names?: string[] }; result: null };
  parts: { params: { layer: string }; result: LayerParts };
  spectrum: { params: { layer: string }; result: LayerSpectrum };
  goodness: { params: { layer: string }; result: GoodnessOfFit };
  shuffled: { params: { layer: string }; result: ShuffledSpectrum };
  vectorMetrics: { params: { layer: string; count: number }; result: LayerVectors };
  heatMap: { params: { layer: string; order: number }; result: HeatMap };
  elementTable: { params: { layer: string }; result: ElementTable };
  elements: { params: { layer: string; range: ElementRange }; result: ElementSlice };
  /** The host asks where with the native dialog; null where the person cancelled it. */
  saveArray: { params: { layer: string; contents: ArrayContents }; result: SavedArray | null };
  previewCompression: { params: { layer: string; method: string; rank: RankRequest }; result: CompressionPreview };
  compareChoices: {
    params: { layer: string; choices: LayerChoice[]; statistics?: string; quantised?: string };
    result: MeasuredLayer[];
  };
  choiceDifference: {
    params: { layer: string; choice: LayerChoice; statistics?: string; quantised?: string };
    result: LayerDifference;
  };
  /** The host asks for the target with the native dialog; null where the person cancelled it. */
  saveCompressed: { params: Omit<SaveRequest, 'target' | 'overwrite'>; result: SaveResult | null };
  /**
   * The host asks for the file if none is named, or for inputs to run an ONNX model on; null where the person cancelled it.
   */
  useStatistics: { params: { path: string | null }; result: StatisticsSummary | null };
  /** The host asks for the checkpoint if none is named; null where the person cancelled it. */
  useQuantised: { params: { path: string | null }; result: QuantisedSummary | null };
  groupOptions: { params: null; result: GroupOption[] };
  assignPlan: { params: { request: AssignmentRequest }; result: Assignment };
  gramCondition: { params: { path: string; layer: string }; result: number | 'singular' | null };
  tryStatistics: { params: { path: string; layer: string; use: GramUse }; result: string | null };
  gramSpectrum: { params: { path: string; layer: string }; result: Float64Array | null };
  /** What a plan is made from, with the spectra that are known. */
  planLayers: { params: null; result: PlanSource };
  /** The host asks where with the native dialog; null where the person cancelled it. */
  savePlan: { params: { plan: CompressionPlan }; result: { path: string } | null };
  /** The plan in a file, which the host asks for if none is named. Rejects what is no plan for this checkpoint. */
  loadPlan: {
    params: { path: string | null; statistics: string | null };
    result: { plan: CompressionPlan; path: string } | null;
  };
  /** The host asks for layout, types and folder, then begins; how it stands comes as `modelSaving`. */
  saveModel: { params: { plan: CompressionPlan; statistics: string | null; quantised: string | null }; result: null };
  cancelSaving: { params: null; result: null };
  /** Goes on with a save that stopped. */
  resumeSaving: { params: null; result: null };
  /** Opens what was saved last. */
  inspectSaved: { params: null; result: null };
  /** Runs the ONNX model that was saved last beside the original. The host asks for inputs and shows the report. */
  evaluateSaved: { params: null; result: null };
  /** Opens the file anew after it changed or the engine could not open it. */
  reload: { params: null; result: ViewState };
  /** Opens the model that this file is a shard of. */
  openWhole: { params: null; result: null };
  /** Shows the settings editor with Eigenscope's settings and no others. */
  openSettings: { params: null; result: null };
  /** Shows the file in VS Code's text editor. */
  openAsText: { params: null; result: null };
  /** All numbers, or a report of them, to a file that the person chooses; null if they cancel. */
  exportNumbers: {
    /** `only`: layers and tensors that a CSV file is limited to. */
    params: { format: ExportFormat; only?: string[] };
    result: { path: string } | null;
  };
  /** Asks for a file of own numbers and shows them; the names of its columns, null if the person cancels. */
  addColumns: { params: null; result: { columns: string[] } | null };
  /** Shows the columns of a file no longer. */
  removeColumns: { params: { path: string }; result: null };
  /** A plot as a picture; null if the person cancels. */
  savePicture: {
    params: { name: string; kind: 'svg' | 'png'; bytes: Uint8Array };
    result: { path: string } | null;
  };
  /** Puts the overview into the clipboard, in Markdown. */
  copyOverview: { params: null; result: null };
}

export interface ViewState {
  summary: PackedSummary;
  /** Results known so far (a moved or restored tab gets them all). */
  results: LayerResult[];
  /** Quick looks at layers without a result. */
  quick?: QuickLook[];
  /** Files of own numbers that are shown. */
  own?: readonly KeptNumbers[];
  settings: InspectSettings;
  /** How the columns were arranged last in this workspace. */
  columns: ColumnLayout;
  /** How much of the room the table had last in this workspace. */
  shares: TableShares;
  /** Why these are no longer the files on the disk. */
  changed?: Problem;
  /** How saving the whole model stands, if it was begun. */
  modelSaving?: ModelSaving;
  /** How evaluating it on a text stands, if it was begun. */
  textRun?: TextRun;
  /** What to show first, when the editor was opened for it. */
  select?: ViewSelection;
}

/** What a view is to show: a layer, the plan of the whole model, or the model on a text. */
export type ViewSelection =
  | { layer: string; compress: boolean }
  /** From a file if one is named; then the model is saved, or statistics are asked for. */
  | { plan: { path: string | null; then?: 'save' | 'statistics' } }
  | { text: 'run' };

/* ------------------------------------------------------------------ host → webview */

export interface ViewNotifications {
  /** Gathered over a moment: they may come by the hundred a second. */
  results: LayerResult[];
  progress: { name: string; stage: string; fraction: number };
  /** Gathered likewise. */
  quick: QuickLook[];
  queue: QueueNews;
  /** All files of own numbers that are shown. */
  ownNumbers: readonly KeptNumbers[];
  saving: { fraction: number; message: string; secondsLeft?: number };
  /** How saving the whole model stands. */
  modelSaving: ModelSaving;
  /** How evaluating the model on a text stands. */
  textRun: TextRun;
  testing: { layer: string; fraction: number };
  changed: Problem;
  /** The engine died (`restarting`), is back (`running`), or gave up (`stopped`). `failed` names the layers it died on. */
  engine: { state: 'running' | 'restarting' | 'stopped'; message: string; failed: string[] };
  /** Another view of the workspace arranged the table's columns so. */
  columns: ColumnLayout;
  select: ViewSelection;
}
