/** The map and the plot against depth, with the number that both show. */
import { l10n } from '../../extension/shared/language/l10n';
import type { LayerResult } from '../../extension/shared/layers';
import type { Host } from '../connection';
import type { ViewMemory } from '../viewMemory';
import { dropdown, type Dropdown } from '../controls/controls';
import type { Inspection } from '../model/inspection';
import { DepthPlot } from './depthPlot';
import { ErrorsAtHalf } from './errorsAtHalf';
import { mapGrid, type MapGrid } from './mapGrid';
import { MAP_QUANTITIES, ownQuantity, RELATIVE_NORM, type MapQuantity } from './mapQuantities';
import { ModelMapPlot } from './modelMapPlot';

export class ModelMaps {
  readonly elements: readonly HTMLElement[];
  readonly grid: MapGrid;
  private readonly map: ModelMapPlot;
  private readonly depth: DepthPlot;
  /** Absent if there is nobody to ask for spectra. */
  private readonly errors: ErrorsAtHalf | null;
  private quantity: MapQuantity;
  private readonly measured: readonly MapQuantity[];
  private own: Inspection['ownColumns'];
  private choose: Dropdown;
  private results: readonly LayerResult[] = [];

  /** @param open called with the layer of a cell or a point that was chosen */
  constructor(
    host: Host | null,
    private readonly inspection: Inspection,
    private readonly memory: ViewMemory,
    open: (layer: string) => void,
  ) {
    const { tensors } = inspection.summary;
    this.grid = mapGrid(tensors);
    this.errors = host && new ErrorsAtHalf(host, () => this.draw());
    const isAdapter = tensors.some(({ encoding }) => encoding?.startsWith('LoRA') === true);
    const quantities = [
      ...MAP_QUANTITIES,
      ...(this.errors ? [this.errors.quantity] : []),
      ...(isAdapter ? [RELATIVE_NORM] : []),
    ];
    this.measured = quantities;
    this.own = inspection.ownColumns;
    this.quantity = this.chosenQuantity();
    this.choose = this.chooser();
    this.depth = new DepthPlot(this.grid, this.quantity, open);
    // Layers in order lie in several rows of the map, and in one line against depth.
    const view = this.grid.roles > 0 ? this.depth.view : undefined;
    this.map = new ModelMapPlot(this.grid, this.quantity, [this.choose], view, open);
    this.elements = this.grid.rows.length === 0 ? [] : [this.map.element, this.depth.element];
  }

  /** @param results of the model's own weights */
  show(results: readonly LayerResult[]): void {
    this.results = results;
    this.draw();
  }

  /** The one that was chosen last, if there is such a number. */
  private chosenQuantity(): MapQuantity {
    const { mapNumber } = this.memory.current;
    return this.quantities.find(({ key }) => key === mapNumber) ?? this.measured[0]!;
  }

  private get quantities(): readonly MapQuantity[] {
    return [
      ...this.measured,
      ...[...this.own].flatMap(([name, values]) => (values.size > 0 ? [ownQuantity(name, values)] : [])),
    ];
  }

  private chooser(): Dropdown {
    const { quantities } = this;
    const choices = quantities.map(({ key, label }) => ({ value: key, label }));
    const choose = dropdown(l10n.t('What the map shows'), choices, this.quantity.key, (value) => {
      this.quantity = quantities.find(({ key }) => key === value)!;
      this.memory.remember({ mapNumber: value });
      this.draw();
    });
    choose.classList.add('quantity');
    return choose;
  }

  private draw(): void {
    if (this.own !== this.inspection.ownColumns) {
      this.own = this.inspection.ownColumns;
      this.quantity = this.chosenQuantity();
      const choose = this.chooser();
      this.choose.replaceWith(choose);
      this.choose = choose;
    }
    if (this.errors && this.quantity === this.errors.quantity) this.errors.refresh(this.inspection.version);
    const results = new Map(this.results.map((result) => [result.name, result]));
    const known = { results, looks: this.inspection.looks };
    this.map.show(known, this.quantity);
    this.depth.show(known, this.quantity);
  }
}
