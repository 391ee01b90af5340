/** Entry of the extension: wires the engine's client, the editor, the commands, the hover and the status bar together. */
import './language';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { l10n } from '../shared/language/l10n';
import { problemText } from '../shared/language/problemText';
import { problemOf } from '../shared/rpc';
import type { EigenscopeExports } from './api/eigenscope';
import { exportedApi } from './api/exportedApi';
import { NumbersNews } from './api/numbersNews';
import { SharedCheckpoints } from './api/sharedCheckpoints';
import { assistantTools, registerTools } from './assistant/tools';
import { registerCheckpointLens } from './code/checkpointLens';
import { findInCode } from './code/findInCode';
import { goToLayer } from './code/goToLayer';
import { registerLayerLinks } from './code/layerLinks';
import { KnownVerdicts } from './code/knownVerdicts';
import { registerNameCompletion } from './code/nameCompletion';
import { registerPlanCompletion } from './code/planCompletion';
import { CheckpointSession } from './editor/checkpointSession';
import { TableMemory } from './editor/tableMemory';
import { OwnNumbersMemory } from './editor/ownNumbersMemory';
import { TextChoicesMemory } from './editor/textChoices';
import { CheckpointEditors } from './editor/checkpointEditor';
import { runCompressCommand, type CompressArguments } from './commands/compressCommand';
import { pickDevice } from './commands/devicePicker';
import { EngineClient } from './engineClient';
import { HeaderReader } from './workspace/headerReader';
import { HOVER_LANGUAGES, registerHover } from './hover/hover';
import { Explainer } from './loadErrors/explainer';
import { Messages, registerMessages } from './loadErrors/messageProviders';
import { IndexedFiles } from './workspace/indexedFiles';
import {
  calibrateOnText,
  compressModel,
  evaluateOnText,
  inspectWeights,
  type InspectLink,
} from './commands/inspectCommand';
import { addOwnColumns, exportNumbers, saveReport } from './commands/exportCommands';
import { openPlan, useStatistics } from './commands/planCommands';
import { notificationText, plainLog } from './plainText';
import { Quarantine } from './quarantine';
import {
  ANALYSIS_SETTINGS,
  codeLensEnabled,
  completionEnabled,
  DEVICE_SETTING,
  engineEnvironment,
  hoverEnabled,
  inspectSettings,
  linksEnabled,
  PROCESS_SETTINGS,
  useSettings,
} from './settings';
import { logSession } from './editor/sessionLog';
import { sampleFile } from './sample/openSample';
import { MeantCheckpoints } from './sources/meantCheckpoints';
import { StatusBar } from './editor/statusBar';
import { WorkspaceCheckpoints } from './workspace/workspaceCheckpoints';

/** What the tests inside VS Code look through. */
export interface Inside {
  readonly engine: EngineClient;
  /** The session behind an open editor. */
  session(uri: vscode.Uri): CheckpointSession | undefined;
  /** Names that hovers know. */
  readonly checkpoints: WorkspaceCheckpoints;
  readonly tools: ReturnType<typeof assistantTools>;
  /** Messages about keys, in logs and terminals. */
  readonly messages: Messages;
}

export function activate(context: vscode.ExtensionContext): EigenscopeExports & { inside?: Inside } {
  const log = plainLog(vscode.window.createOutputChannel('Eigenscope', { log: true }));
  useSettings(context.extension, log);
  const storage = context.globalStorageUri.fsPath;
  const cacheFolder = path.join(storage, 'results');
  const engine = new EngineClient({
    module: path.join(context.extensionPath, 'dist', 'engine.js'),
    environment: () => engineEnvironment(cacheFolder),
  });
  engine.events.on('log', ({ level, message }) => log[level](message));
  engine.events.on('state', (change) => {
    if (change.state === 'stopped') void offerRestart(change.message);
  });
  const statusBar = new StatusBar(engine, log);
  const verdicts = new KnownVerdicts(context.workspaceState, inspectSettings, log);
  const news = new NumbersNews();
  const watch = (session: CheckpointSession): void => {
    statusBar.watch(session);
    news.watch(session);
    verdicts.watch(session);
    logSession(session, log);
  };
  const died = new Quarantine(context.workspaceState, 'editorsQuarantine');
  const ownNumbers = new OwnNumbersMemory(context.workspaceState);
  const editors = new CheckpointEditors(
    engine,
    context.extensionUri,
    log,
    watch,
    died,
    new TableMemory(context.workspaceState),
    ownNumbers,
    new TextChoicesMemory(context.workspaceState),
  );
  const shared = new SharedCheckpoints(
    (file) => {
      const session = new CheckpointSession(engine, file, inspectSettings, undefined, died);
      watch(session);
      return session;
    },
    (uri) => editors.session(uri),
    log,
  );
  const reader = new HeaderReader(path.join(context.extensionPath, 'dist', 'headers.js'));
  const quarantine = new Quarantine(context.workspaceState, 'headersQuarantine');
  const checkpoints = new WorkspaceCheckpoints(new IndexedFiles(reader, quarantine, log), log);
  const meant = new MeantCheckpoints(checkpoints, (file) => editors.session(vscode.Uri.file(file)) !== undefined);
  const explainer = new Explainer(() => checkpoints.indexed, meant);
  const messages = new Messages({ checkpoints, explainer });
  const logged = (what: string, action: Promise<unknown>): void => {
    action.catch((error: unknown) => log.error(`${what}: ${problemOf(error).message}`));
  };

  const { registerCommand } = vscode.commands;
  context.subscriptions.push(
    log,
    { dispose: () => engine.dispose() },
    shared,
    news,
    statusBar,
    checkpoints,
    editors.register(),
    registerHover({ engine, checkpoints, meant, explainer }),
    registerMessages(messages),
    registerLayerLinks({ checkpoints, meant }),
    registerNameCompletion({ checkpoints, meant }),
    registerPlanCompletion({ checkpoints, meant }),
    registerCommand('eigenscope.goToLayer', () => plainErrors(goToLayer({ checkpoints, meant, explainer }))),
    registerCommand('eigenscope.findInCode', () => plainErrors(findInCode(editors))),
    registerCheckpointLens({ checkpoints, meant, verdicts }),
    registerCommand('eigenscope.inspectWeights', (given?: vscode.Uri | InspectLink) =>
      plainErrors(inspectWeights(editors, checkpoints, given)),
    ),
    registerCommand('eigenscope.compressModel', (given?: vscode.Uri) =>
      plainErrors(compressModel(editors, checkpoints, given)),
    ),
    registerCommand('eigenscope.evaluateOnText', (given?: vscode.Uri) =>
      plainErrors(evaluateOnText(editors, checkpoints, given)),
    ),
    registerCommand('eigenscope.calibrateOnText', (given?: vscode.Uri) =>
      plainErrors(calibrateOnText(editors, checkpoints, given)),
    ),
    registerCommand('eigenscope.useStatistics', () => plainErrors(useStatistics(editors, checkpoints))),
    registerCommand('eigenscope.openPlan', (given?: vscode.Uri) =>
      plainErrors(openPlan(editors, checkpoints, given instanceof vscode.Uri ? given : undefined)),
    ),
    registerCommand('eigenscope.runPlan', (given?: vscode.Uri) =>
      plainErrors(openPlan(editors, checkpoints, given instanceof vscode.Uri ? given : undefined, 'save')),
    ),
    registerCommand('eigenscope.compressLayer', (given?: CompressArguments) =>
      plainErrors(
        runCompressCommand({ engine, editors, checkpoints }, given instanceof vscode.Uri ? { uri: given } : given),
      ),
    ),
    registerCommand('eigenscope.saveReport', () => plainErrors(saveReport(editors))),
    registerCommand('eigenscope.addColumns', () => plainErrors(addOwnColumns(editors))),
    registerCommand('eigenscope.exportNumbers', () => plainErrors(exportNumbers(editors))),
    registerCommand('eigenscope.openSample', () =>
      plainErrors(sampleFile(path.join(storage, 'samples')).then((file) => editors.open(vscode.Uri.file(file)))),
    ),
    registerCommand('eigenscope.chooseDevice', () => plainErrors(pickDevice(engine))),
    registerCommand('eigenscope.restartEngine', () => engine.restart()),
    registerCommand('eigenscope.showLog', () => log.show()),
    registerCommand('eigenscope.clearCache', async () => {
      await engine.restart(() => rm(cacheFolder, { recursive: true, force: true }));
      await startOver(l10n.t('The cache was cleared meanwhile.'));
    }),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (PROCESS_SETTINGS.some((name) => event.affectsConfiguration(name))) logged('restart', engine.restart());
      if (event.affectsConfiguration(DEVICE_SETTING)) {
        logged(
          'another device',
          engine.restart().then(() => startOver(l10n.t('Another device was chosen meanwhile.'))),
        );
      }
      if (ANALYSIS_SETTINGS.some((name) => event.affectsConfiguration(name))) {
        logged('new settings', startOver(l10n.t('Settings changed meanwhile.')));
      }
    }),
    vscode.workspace.onDidOpenTextDocument(({ languageId }) => wantHeaders(languageId)),
  );

  async function startOver(why: string): Promise<void> {
    await Promise.all([editors.startOver(), shared.startOver(why)]);
  }
  function wantHeaders(language: string): void {
    const isWanted = hoverEnabled() || codeLensEnabled() || linksEnabled() || completionEnabled();
    if (HOVER_LANGUAGES.includes(language) && isWanted) logged('workspace', checkpoints.readHeaders());
  }
  const found = checkpoints.find().then((files) => {
    // If there are checkpoints, one is about to be opened: a second of starting is better spent now.
    if (files.length === 0) return;
    engine.warmUp();
    editors.warmUp();
  });
  logged('workspace', found);
  for (const { languageId } of vscode.workspace.textDocuments) wantHeaders(languageId);

  const tools = assistantTools({ shared, checkpoints });
  context.subscriptions.push(registerTools(tools));
  const api = exportedApi({
    checkpoints: shared,
    show: (uri, layer) => editors.open(uri, layer === undefined ? undefined : { layer, compress: false }),
    onDidChangeNumbers: news.event,
  });
  if (context.extensionMode !== vscode.ExtensionMode.Test) return api;
  return { ...api, inside: { engine, checkpoints, tools, messages, session: (uri) => editors.session(uri) } };
}

/** What a command does. VS Code shows its error in a notification, which reads links in it. */
async function plainErrors<T>(running: Promise<T>): Promise<T> {
  try {
    return await running;
  } catch (error) {
    throw new Error(notificationText(problemText(error)), { cause: error });
  }
}

async function offerRestart(message: string): Promise<void> {
  const restart = l10n.t('Restart Engine');
  const showLog = l10n.t('Show Log');
  const chosen = await vscode.window.showErrorMessage(`Eigenscope: ${notificationText(message)}`, restart, showLog);
  if (chosen === restart) await vscode.commands.executeCommand('eigenscope.restartEngine');
  if (chosen === showLog) await vscode.commands.executeCommand('eigenscope.showLog');
}
