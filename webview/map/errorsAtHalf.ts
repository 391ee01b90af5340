/** The number "error at half of the parameters" of the map: reads the spectra that a plan is made from, when it is chosen. */
import { l10n } from '../../extension/shared/language/l10n';
import { problemText } from '../../extension/shared/language/problemText';
import type { Host } from '../connection';
import { formatPercent } from '../numbers/format';
import { errorsAtHalf } from './halfErrors';
import type { MapQuantity } from './mapQuantities';

/** Least time between two readings: each brings the spectra of all layers. */
const AGAIN_MS = 2000;

export class ErrorsAtHalf {
  readonly quantity: MapQuantity = {
    key: 'error_at_half',
    label: l10n.t('error at 50 %'),
    description: l10n.t('relative error of two factors that have half of the parameters'),
    signed: false,
    format: (value) => formatPercent(value, 2),
    value: ({ name }) => this.errors.get(name),
    missing: () => this.problem,
  };
  private errors: ReadonlyMap<string, number> = new Map();
  private problem: string | undefined;
  /** Results that the errors know of. */
  private version = -1;
  private asking = false;
  private timer = 0;

  /** @param changed called when there are other errors */
  constructor(
    private readonly host: Host,
    private readonly changed: () => void,
  ) {}

  /** Reads the spectra if there are results since they were last read. @param version of the results */
  refresh(version: number): void {
    if (this.version === version || this.asking || this.timer !== 0) return;
    const first = this.version < 0;
    if (first) void this.read(version);
    else {
      this.timer = window.setTimeout(() => {
        this.timer = 0;
        void this.read(version);
      }, AGAIN_MS);
    }
  }

  private async read(version: number): Promise<void> {
    this.asking = true;
    this.problem = l10n.t('its spectrum is being read');
    this.changed();
    try {
      const { layers } = await this.host.request('planLayers', null);
      this.errors = errorsAtHalf(layers);
      this.problem = l10n.t('it has no spectrum of one matrix');
    } catch (error) {
      this.problem = problemText(error);
    } finally {
      this.version = version;
      this.asking = false;
      this.changed();
    }
  }
}
