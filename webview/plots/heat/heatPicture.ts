/** The cells of a heat map as a picture of one pixel each; painted anew only if what it shows changes. */
import type { HeatMap } from '../../../extension/shared/layers';
import { themeColour } from '../../controls/theme';
import type { HeatQuantity } from './heatCells';
import { heatScale, type HeatScale } from './heatScale';

/** The style sheet's colours of a scale: with other ones it is another picture. */
const COLOURS = ['--es-heat-zero', '--es-heat-positive', '--es-heat-negative', '--es-heat-size', '--es-error'] as const;

export class HeatPicture {
  private key: readonly unknown[] = [];
  private last: { scale: HeatScale; picture: HTMLCanvasElement } | null = null;

  of(map: HeatMap, quantity: HeatQuantity, signed: boolean): { scale: HeatScale; picture: HTMLCanvasElement } {
    const key = [map, quantity, ...COLOURS.map(themeColour)];
    if (!this.last || key.some((part, i) => part !== this.key[i])) {
      const scale = heatScale(map[quantity], signed);
      this.last = { scale, picture: painted(map, quantity, scale) };
      this.key = key;
    }
    return this.last;
  }
}

function painted(map: HeatMap, quantity: HeatQuantity, scale: HeatScale): HTMLCanvasElement {
  const width = map.colStarts.length - 1;
  const height = map.rowStarts.length - 1;
  const cells = new ImageData(width, height);
  map[quantity].forEach((value, cell) => {
    const [red, green, blue] = scale.colour(value);
    cells.data.set([red, green, blue, 255], 4 * cell);
  });
  const picture = document.createElement('canvas');
  picture.width = width;
  picture.height = height;
  picture.getContext('2d')?.putImageData(cells, 0, 0);
  return picture;
}
