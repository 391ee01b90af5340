/** How the person left a view: the state that VS Code keeps for it while it is hidden. */
import type { LayerPlace } from './layer/layerPlace';
import type { RememberedPlan } from './plan/planSettings';

/** What keeps it. */
export interface VsCodeApi {
  getState(): unknown;
  setState(state: unknown): void;
}

/** How the person left the view: survives hiding the tab, moving it and restarting the window. */
export interface RememberedView {
  sort: { column: string; descending: boolean } | null;
  tree: boolean;
  filter: string;
  /** Tensors without a matrix are left out. */
  matrices: boolean;
  collapsed: string[];
  layer: string | null;
  tab: string;
  /** Key of the table's top row. */
  top: string | null;
  /** How the open layer was left. */
  place: LayerPlace | null;
  /** Unfolded. */
  overview: boolean;
  /** Key of the number that the map shows. */
  mapNumber: string | null;
  /** The plan of the whole model; null before one was begun. */
  plan: RememberedPlan | null;
  /** The model on a text is shown. */
  text: boolean;
  /** The plan waits for the statistics of a calibration, which may end while the view is hidden. */
  calibrating: boolean;
}

const initial: RememberedView = {
  sort: null,
  tree: true,
  filter: '',
  matrices: false,
  collapsed: [],
  layer: null,
  tab: 'spectrum',
  top: null,
  place: null,
  overview: true,
  mapNumber: null,
  plan: null,
  text: false,
  calibrating: false,
};

export class ViewMemory {
  private view: RememberedView;

  constructor(private readonly api: VsCodeApi) {
    // VS Code hands back what `setState` was given, possibly by an older version of this page: missing keys get defaults.
    const saved = api.getState();
    this.view = { ...initial, ...(typeof saved === 'object' ? (saved as Partial<RememberedView>) : {}) };
  }

  get current(): Readonly<RememberedView> {
    return this.view;
  }

  remember(change: Partial<RememberedView>): void {
    this.view = { ...this.view, ...change };
    this.api.setState(this.view);
  }
}
