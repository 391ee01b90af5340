/**
 * The icons of the view, as SVG in the bundle. An icon font is a request of its own. After a reload of the window one of
 * two views was seen without icons; why is not known. VS Code can lose a page's request then (see `loadWatch.ts`).
 *
 * @see https://github.com/microsoft/vscode-codicons
 */
import add from '@vscode/codicons/src/icons/add.svg';
import arrowDown from '@vscode/codicons/src/icons/arrow-down.svg';
import arrowLeft from '@vscode/codicons/src/icons/arrow-left.svg';
import arrowUp from '@vscode/codicons/src/icons/arrow-up.svg';
import beaker from '@vscode/codicons/src/icons/beaker.svg';
import blank from '@vscode/codicons/src/icons/blank.svg';
import check from '@vscode/codicons/src/icons/check.svg';
import checklist from '@vscode/codicons/src/icons/checklist.svg';
import chevronDown from '@vscode/codicons/src/icons/chevron-down.svg';
import chevronRight from '@vscode/codicons/src/icons/chevron-right.svg';
import close from '@vscode/codicons/src/icons/close.svg';
import collapseAll from '@vscode/codicons/src/icons/collapse-all.svg';
import copy from '@vscode/codicons/src/icons/copy.svg';
import debugStop from '@vscode/codicons/src/icons/debug-stop.svg';
import desktopDownload from '@vscode/codicons/src/icons/desktop-download.svg';
import discard from '@vscode/codicons/src/icons/discard.svg';
import ellipsis from '@vscode/codicons/src/icons/ellipsis.svg';
import error from '@vscode/codicons/src/icons/error.svg';
import exportArrow from '@vscode/codicons/src/icons/export.svg';
import filter from '@vscode/codicons/src/icons/filter.svg';
import fold from '@vscode/codicons/src/icons/fold.svg';
import folderOpened from '@vscode/codicons/src/icons/folder-opened.svg';
import graph from '@vscode/codicons/src/icons/graph.svg';
import info from '@vscode/codicons/src/icons/info.svg';
import json from '@vscode/codicons/src/icons/json.svg';
import markdown from '@vscode/codicons/src/icons/markdown.svg';
import listFlat from '@vscode/codicons/src/icons/list-flat.svg';
import listTree from '@vscode/codicons/src/icons/list-tree.svg';
import loading from '@vscode/codicons/src/icons/loading.svg';
import play from '@vscode/codicons/src/icons/play.svg';
import question from '@vscode/codicons/src/icons/question.svg';
import refresh from '@vscode/codicons/src/icons/refresh.svg';
import save from '@vscode/codicons/src/icons/save.svg';
import saveAs from '@vscode/codicons/src/icons/save-as.svg';
import search from '@vscode/codicons/src/icons/search.svg';
import settingsGear from '@vscode/codicons/src/icons/settings-gear.svg';
import sync from '@vscode/codicons/src/icons/sync.svg';
import table from '@vscode/codicons/src/icons/table.svg';
import triangleDown from '@vscode/codicons/src/icons/triangle-down.svg';
import triangleUp from '@vscode/codicons/src/icons/triangle-up.svg';
import warning from '@vscode/codicons/src/icons/warning.svg';
import zoomIn from '@vscode/codicons/src/icons/zoom-in.svg';
import zoomOut from '@vscode/codicons/src/icons/zoom-out.svg';
import { element } from './elements';

const sources = {
  add,
  'arrow-down': arrowDown,
  'arrow-left': arrowLeft,
  'arrow-up': arrowUp,
  beaker,
  blank,
  check,
  checklist,
  'chevron-down': chevronDown,
  'chevron-right': chevronRight,
  close,
  'collapse-all': collapseAll,
  copy,
  'debug-stop': debugStop,
  'desktop-download': desktopDownload,
  discard,
  ellipsis,
  error,
  export: exportArrow,
  filter,
  fold,
  'folder-opened': folderOpened,
  graph,
  info,
  json,
  'list-flat': listFlat,
  'list-tree': listTree,
  loading,
  markdown,
  play,
  question,
  refresh,
  save,
  'save-as': saveAs,
  search,
  'settings-gear': settingsGear,
  sync,
  table,
  'triangle-down': triangleDown,
  'triangle-up': triangleUp,
  warning,
  'zoom-in': zoomIn,
  'zoom-out': zoomOut,
};

export type IconName = keyof typeof sources;

/** Parsed once; every icon is a copy. */
const parsed = new Map<IconName, Element>();

/** A decorative icon; what it means must be said in words beside it or in its parent's label. */
export function icon(name: IconName): HTMLSpanElement {
  const made = element('span', { class: 'icon', 'aria-hidden': 'true' });
  setIcon(made, name);
  return made;
}

/** Shows another icon in the place of the present one; null shows none. */
export function setIcon(target: HTMLElement, name: IconName | null): void {
  if (name === (target.dataset.icon ?? null)) return;
  if (name === null) delete target.dataset.icon;
  else target.dataset.icon = name;
  target.replaceChildren(...(name === null ? [] : [picture(name)]));
}

function picture(name: IconName): Node {
  let source = parsed.get(name);
  if (!source) {
    source = new DOMParser().parseFromString(sources[name], 'image/svg+xml').documentElement;
    parsed.set(name, source);
  }
  return document.importNode(source, true);
}
