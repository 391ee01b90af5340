/** The page of a report, opened from a file: overview, table and layers, from the numbers that stand in it as JSON. */
import '../language';
import '../styles/page.css';
import '../styles/report.css';
import type { ReportData } from '../../extension/report/reportRecords';
import { modelVerdict } from '../../extension/shared/findings/modelVerdict';
import { l10n } from '../../extension/shared/language/l10n';
import { packSummary } from '../../extension/shared/packedTensors';
import { registerControls } from '../controls/controls';
import { element } from '../controls/elements';
import { showMenu } from '../controls/popup';
import { watchTheme } from '../controls/theme';
import { ModelMaps } from '../map/modelMaps';
import { Inspection } from '../model/inspection';
import { counted, formatBytes, formatCompact } from '../numbers/format';
import { ofTheModel } from '../numbers/ofTheModel';
import { FindingList, LOCAL_NUMBERS } from '../overview/findingList';
import { ownKey } from '../../extension/shared/ownNumbers';
import { OwnPanel } from '../own/ownPanel';
import { withColumns } from '../table/columnLayout';
import { FORGOTTEN_COLUMNS } from '../table/tableColumns';
import { TensorTable } from '../table/tensorTable';
import { ViewMemory } from '../viewMemory';
import { ReportLayers } from './reportLayers';

/** Nothing outlives the page: who opens the report again finds it as it was made. */
const FORGETFUL = { getState: () => undefined, setState: () => undefined };

/** Own columns that are shown at first: more would leave no room for alpha. The others are in the chooser. */
const OWN_SHOWN = 4;

function show({ summary, settings, results, spectra, own, notes, program }: ReportData, root: HTMLElement): void {
  const inspection = new Inspection({ summary: packSummary(summary), results: [...results], own, settings });
  const memory = new ViewMemory(FORGETFUL);
  const layers = new ReportLayers(inspection, spectra);
  const open = (layer: string): void => {
    table.select(layer);
    layers.open(layer);
  };
  const ofModel = ofTheModel(summary.tensors)(results);
  const maps = new ModelMaps(null, inspection, memory, open);
  const findings = new FindingList(
    () => maps.grid.map,
    open,
    (group) => {
      table.element.scrollIntoView();
      table.showFindings(group);
    },
  );
  findings.show(ofModel, [], l10n.t('None found.'));
  const ownKeys = [...inspection.ownColumns.keys()].slice(0, OWN_SHOWN).map(ownKey);
  const columns = { ...FORGOTTEN_COLUMNS, layout: withColumns(FORGOTTEN_COLUMNS.layout, ownKeys) };
  const ownPanel = new OwnPanel(inspection, { open });
  const table = new TensorTable(inspection, memory, columns, {
    open: (node) => node.layer !== undefined && open(node.layer),
    menu: ([node, another], at) => {
      const layer = node?.layer;
      if (layer === undefined || another) return;
      showMenu([{ label: l10n.t('Open'), icon: 'graph', run: () => open(layer) }], at, table.table.element);
    },
    together: () => [],
    visible: () => undefined,
  });
  const verdict = modelVerdict(ofModel, LOCAL_NUMBERS);
  const facts = [
    summary.format,
    summary.architecture,
    counted('parameters', summary.parameters, formatCompact),
    formatBytes(summary.bytes),
    counted('tensors', summary.tensors.length),
  ].filter((fact) => fact !== '');
  const told = [...notes, ...summary.problems.map(({ message }) => l10n.known(message))];
  root.dataset.about = summary.path;
  root.replaceChildren(
    element(
      'main',
      { class: 'report' },
      element('h1', {}, element('bdi', {}, summary.path)),
      element('p', { class: 'muted' }, facts.join(' · ')),
      element(
        'p',
        { class: 'model-verdict' },
        verdict?.sentence ?? l10n.t('No verdict: no layer of this report bears one.'),
      ),
      told.length > 0 && element('ul', { class: 'report-notes' }, ...told.map((note) => element('li', {}, note))),
      element('h2', { id: 'unusual-title' }, l10n.t('Unusual layers')),
      element('section', { class: 'unusual', 'aria-labelledby': 'unusual-title' }, findings.element),
      element('section', { class: 'report-maps', 'aria-label': l10n.t('Map and depth') }, ...maps.elements),
      ownPanel.element,
      element('h2', {}, l10n.t('Tensors')),
      element('div', { class: 'report-table' }, table.element),
      layers.element,
      element('footer', { class: 'muted' }, l10n.t('Made by {0}.', program)),
    ),
  );
  maps.show(ofModel);
  ownPanel.refresh();
}

/** The style sheet takes its colours from the same preference. */
function followTheme(): void {
  const light = window.matchMedia('(prefers-color-scheme: light)');
  const follow = (): void => {
    document.body.classList.toggle('vscode-light', light.matches);
    document.body.classList.toggle('vscode-dark', !light.matches);
  };
  light.addEventListener('change', follow);
  follow();
}

registerControls();
followTheme();
watchTheme();
show(JSON.parse(document.getElementById('report-data')!.textContent) as ReportData, document.getElementById('app')!);
