/** The map and the plot against depth, with the number that both show. */
import type { LayerResult } from '../../extension/shared/layers';
import type { Host } from '../connection';
import type { ViewMemory } from '../viewMemory';
import { dropdown } from '../controls/controls';
import type { Inspection } from '../model/inspection';
import { DepthPlot } from './depthPlot';
import { ErrorsAtHalf } from './errorsAtHalf';
import { mapGrid, type MapGrid } from './mapGrid';
import { MAP_QUANTITIES, RELATIVE_NORM, type MapQuantity } from './mapQuantities';
import { ModelMapPlot } from './modelMapPlot';

export class ModelMaps {
  readonly elements: readonly HTMLElement[];
  readonly grid: MapGrid;
  private readonly map: ModelMapPlot;
  private readonly depth: DepthPlot;
  /** Absent if there is nobody to ask for spectra. */
  private readonly errors: ErrorsAtHalf | null;
  private quantity: MapQuantity;
  private results: readonly LayerResult[] = [];

  /** @param open called with the layer of a cell or a point that was chosen */
  constructor(
    host: Host | null,
    private readonly inspection: Inspection,
    memory: ViewMemory,
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
    this.quantity = quantities.find(({ key }) => key === memory.current.mapNumber) ?? quantities[0]!;
    const choices = quantities.map(({ key, label }) => ({ value: key, label }));
    const choose = dropdown('What the map shows', choices, this.quantity.key, (value) => {
      this.quantity = quantities.find(({ key }) => key === value)!;
      memory.remember({ mapNumber: value });
      this.draw();
    });
    choose.classList.add('quantity');
    this.map = new ModelMapPlot(this.grid, this.quantity, [choose], open);
    this.depth = new DepthPlot(this.grid, this.quantity, open);
    this.elements = this.grid.rows.length === 0 ? [] : [this.map.element, this.depth.element];
  }

  /** @param results of the model's own weights */
  show(results: readonly LayerResult[]): void {
    this.results = results;
    this.draw();
  }

  private draw(): void {
    if (this.errors && this.quantity === this.errors.quantity) this.errors.refresh(this.inspection.version);
    const results = new Map(this.results.map((result) => [result.name, result]));
    const known = { results, looks: this.inspection.looks };
    this.map.show(known, this.quantity);
    this.depth.show(known, this.quantity);
  }
}
