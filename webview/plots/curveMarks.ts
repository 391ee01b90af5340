/** How lines that are drawn together are told apart: by colours and dashes of the style sheet (`methods.css`), 30 pairs of them. */

const COLOURS = 6;
const DASHES = 5;

export function curveClass(index: number): string {
  return `error-curve curve-colour-${index % COLOURS} curve-dash-${index % DASHES}`;
}

/** A piece of the line, for a legend. */
export function curveSwatch(index: number): SVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'swatch');
  svg.setAttribute('viewBox', '0 0 26 8');
  const stroke = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  stroke.setAttribute('class', curveClass(index));
  stroke.setAttribute('d', 'M0 4H26');
  svg.append(stroke);
  return svg;
}
