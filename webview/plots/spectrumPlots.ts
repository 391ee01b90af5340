/** A spectrum and, under it on the same axis, D against xmin: the two move one xmin. */
import { lowerBound } from '../../extension/spectral/tail/bounds';
import type { FitOptions } from '../../extension/spectral/tail/tailStarts';
import { element } from '../controls/elements';
import { DistancePlot } from './distance/distancePlot';
import type { EsdInput } from './esdInput';
import { EsdPlot } from './esdPlot';

export class SpectrumPlots {
  readonly element: HTMLElement;
  readonly esd: EsdPlot;
  private readonly distance: DistancePlot | null;

  /** @param options of the fits; with their rules they say which tail starts are candidates */
  constructor(input: EsdInput, options: FitOptions) {
    this.esd = new EsdPlot(input);
    const { layer, title: spectrum, eigenvalues, fits } = input;
    const xmin = fits.find((fit) => fit.xmin !== null)?.xmin;
    this.distance =
      xmin == null
        ? null
        : new DistancePlot({
            ...{ layer, spectrum, eigenvalues, fitted: lowerBound(eigenvalues, xmin), options },
            view: this.esd.view,
            onMove: (start) => this.esd.moveTail(start),
            onStep: (steps) => this.esd.stepTail(steps),
          });
    this.element = element('div', { class: 'spectrum-plots' }, this.esd.element, this.distance?.element);
    const { distance } = this;
    if (!distance) return;
    distance.begin();
    this.esd.follow(distance);
  }

  /** Nobody looks any more. */
  stop(): void {
    this.distance?.stop();
  }
}
