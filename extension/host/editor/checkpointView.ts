/** One webview that shows a session: answers its requests and passes the session's events on. */
import * as vscode from 'vscode';
import { createMessageConnection } from 'vscode-jsonrpc';
import type { ColumnLayout } from '../../shared/columnLayout';
import { messageTransport } from '../../shared/messageTransport';
import type { ViewNotifications, ViewRequests, ViewState } from '../../protocol';
import { notifier } from '../../shared/rpc';
import { handle } from '../../shared/rpcHandlers';
import type { TextViewRequests } from '../../shared/textRuns';
import type { CheckpointSession } from './checkpointSession';
import { evaluateSaved } from './evaluateFlow';
import { saveArrayWithDialog } from './arrayFlow';
import type { TableMemory, ColumnReader } from './tableMemory';
import { exportWithDialog, savePicture } from './exportFlow';
import { LoadWatch } from './loadWatch';
import { askPlanTarget, choosePlanFile, chooseQuantisedCheckpoint } from './planFiles';
import { addColumns } from './ownNumbersFlow';
import { askSavingChoices } from './modelSaveFlow';
import { Outbox } from './outbox';
import type { TextChoicesMemory } from './textChoices';
import { askStatisticsTarget, chooseSavedModels, chooseText } from './textFiles';
import { saveWithDialog } from './saveFlow';
import { askStatistics } from './statisticsFlow';
import { exactUpTo, inspectOnOpen, inspectSettings, showSettings } from '../settings';
import { viewHtml, type ViewBundle } from './viewHtml';

/** Computing takes every core: it waits for the view's table, but not for one that never says that it is drawn. */
const TABLE_FIRST_MS = 15_000;

export class CheckpointView implements ColumnReader {
  private readonly disposables: { dispose(): unknown }[] = [];
  private readonly notify;
  /** What `ready` tells the view to show first; cleared once told. */
  private select: ViewNotifications['select'] | undefined;
  private ready = false;
  private beginning: NodeJS.Timeout | undefined;
  private readonly watch = new LoadWatch(() => {
    if (!this.panel.visible) return false;
    this.log.warn(`the view of ${this.session.path} did not come up: its page is loaded again`);
    this.setPage();
    return true;
  });
  private readonly outbox = new Outbox((name, params) => void this.send(name, params));
  private readonly session: CheckpointSession;

  constructor(
    private readonly panel: vscode.WebviewPanel,
    private readonly document: { uri: vscode.Uri; session: CheckpointSession; views: ReadonlySet<CheckpointView> },
    private readonly bundle: ViewBundle,
    private readonly log: vscode.LogOutputChannel,
    private readonly table: TableMemory,
    private readonly texts: TextChoicesMemory,
  ) {
    this.session = document.session;
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [] };
    const { reader, writer } = messageTransport({
      post: (message) => webview.postMessage(message),
      listen: (receive) => webview.onDidReceiveMessage(receive),
    });
    const connection = createMessageConnection(reader, writer);
    this.notify = notifier<ViewNotifications>(connection);
    this.disposables.push(handle<ViewRequests>(connection, this.handlers()), connection);
    this.forwardEvents();
    connection.listen();
    // A page that is not shown is thrown away. The one that comes after it asks anew, and is told then what to show.
    this.disposables.push(panel.onDidChangeViewState(() => (this.ready &&= panel.visible)));
    this.load();
  }

  /** Loads the page anew: it asks for everything again (after settings changed). */
  load(): void {
    this.watch.started();
    this.setPage();
  }

  private setPage(): void {
    this.ready = false;
    this.panel.webview.html = viewHtml(this.bundle, this.session.path, vscode.env.language, vscode.l10n.bundle);
  }

  show(select: ViewNotifications['select']): void {
    if (this.ready) void this.send('select', select);
    else this.select = select;
  }

  columnsChanged(layout: ColumnLayout): void {
    // A page that is not there yet, or no more, asks for them when it comes.
    if (this.ready) void this.send('columns', layout);
  }

  dispose(): void {
    this.watch.ended();
    clearTimeout(this.beginning);
    for (const disposable of this.disposables) disposable.dispose();
  }

  private handlers(): Parameters<typeof handle<ViewRequests>>[1] {
    const { session } = this;
    return {
      ready: async () => {
        this.watch.ended();
        const state = await this.state();
        this.ready = true;
        this.begin(TABLE_FIRST_MS);
        this.running(session.own.load());
        return state;
      },
      drawn: () => {
        this.begin(0);
        return null;
      },
      rememberColumns: async ({ layout }) => {
        await this.table.write(layout, this);
        return null;
      },
      rememberShares: async ({ shares }) => {
        await this.table.keepShares(shares);
        return null;
      },
      shows: ({ layer }) => {
        session.shows(layer);
        return null;
      },
      inspect: async ({ names }) => ({ queued: await session.inspect(names) }),
      prioritise: async ({ names }) => {
        await session.prioritise(names);
        return null;
      },
      cancel: async ({ names }) => {
        await session.cancel(names);
        return null;
      },
      parts: ({ layer }) => session.parts(layer),
      spectrum: ({ layer }, token) => session.spectrum(layer, token),
      shuffled: ({ layer }, token) =>
        session.inEngine.askNumbers('shuffled', { layer, settings: inspectSettings() }, token),
      goodness: ({ layer }, token) => session.goodness(layer, token),
      vectorMetrics: ({ layer, count }, token) => session.inEngine.askNumbers('vectorMetrics', { layer, count }, token),
      heatMap: ({ layer, order }, token) => session.inEngine.askNumbers('heatMap', { layer, order }, token),
      elementTable: ({ layer }, token) => session.inEngine.askNumbers('elementTable', { layer }, token),
      elements: ({ layer, range }, token) => session.inEngine.askNumbers('elements', { layer, range }, token),
      saveArray: (request) => saveArrayWithDialog(session, request, this.document.uri),
      previewCompression: ({ layer, method, rank }, token) => session.preview(layer, method, rank, token),
      compareChoices: (params, token) =>
        session.inEngine.askNumbers('compareChoices', { ...params, settings: inspectSettings() }, token),
      choiceDifference: (params, token) =>
        session.inEngine.askNumbers('choiceDifference', { ...params, settings: inspectSettings() }, token),
      useStatistics: async ({ path }, token) => {
        if (path !== null) return session.inEngine.askNumbers('useStatistics', { path }, token);
        const { format } = await session.summary();
        return askStatistics(session, this.document.uri, format);
      },
      useQuantised: async ({ path }, token) => {
        const file = path ?? (await chooseQuantisedCheckpoint(this.document.uri));
        return file === undefined ? null : session.inEngine.askNumbers('useQuantised', { path: file }, token);
      },
      groupOptions: (_, token) => session.inEngine.askNumbers('groupOptions', {}, token),
      assignPlan: (params, token) =>
        session.inEngine.askNumbers('assignPlan', { ...params, settings: inspectSettings() }, token),
      gramCondition: (params, token) => session.inEngine.askNumbers('gramCondition', params, token),
      tryStatistics: (params, token) => session.inEngine.askNumbers('tryStatistics', params, token),
      gramSpectrum: (params, token) => session.inEngine.askNumbers('gramSpectrum', params, token),
      saveCompressed: (request) => saveWithDialog(session, request, this.document.uri),
      planLayers: (_, token) =>
        session.inEngine.askNumbers('planLayers', { settings: inspectSettings(), compute: 'nothing' }, token),
      loadPlan: async ({ path, statistics }, token) => {
        const file = path ?? (await choosePlanFile(this.document.uri));
        if (file === undefined) return null;
        const plan = await session.inEngine.askNumbers('loadPlan', { path: file, statistics }, token);
        return { plan, path: file };
      },
      savePlan: async ({ plan }, token) => {
        const target = await askPlanTarget(this.document.uri);
        if (target === undefined) return null;
        return (await session.inEngine.ask('savePlan', { plan, target }, token)).answer;
      },
      saveModel: async ({ plan, statistics, quantised }) => {
        session.modelSaving.assertIdle();
        const { format } = await session.summary();
        const choices = await askSavingChoices(this.document.uri, format, plan);
        if (!choices) return null;
        const request = {
          ...{ ...choices, plan },
          ...(statistics !== null && { statistics }),
          ...(quantised !== null && { quantised }),
        };
        this.running(session.modelSaving.start(request));
        return null;
      },
      cancelSaving: () => {
        session.modelSaving.cancel();
        return null;
      },
      resumeSaving: () => {
        this.running(session.modelSaving.resume());
        return null;
      },
      inspectSaved: async () => {
        const { state } = session.modelSaving;
        if (state?.state === 'done') {
          await vscode.commands.executeCommand('eigenscope.inspectWeights', vscode.Uri.file(state.result.path));
        }
        return null;
      },
      evaluateSaved: async () => {
        session.modelSaving.assertIdle();
        const { state } = session.modelSaving;
        if (state?.state === 'done') await evaluateSaved(session, this.document.uri, state.result);
        return null;
      },
      ...this.textHandlers(),
      reload: async () => {
        const reloaded = session.reload();
        for (const view of this.document.views) if (view !== this) view.load();
        await reloaded;
        const state = await this.state();
        this.begin(TABLE_FIRST_MS);
        return state;
      },
      openWhole: async () => {
        const { shard } = await session.summary();
        if (shard?.whole !== undefined) {
          await vscode.commands.executeCommand('eigenscope.inspectWeights', vscode.Uri.file(shard.whole));
        }
        return null;
      },
      openSettings: async () => {
        await showSettings();
        return null;
      },
      openAsText: async () => {
        await vscode.commands.executeCommand('vscode.openWith', this.document.uri, 'default');
        return null;
      },
      addColumns: async (_, token) => {
        const found = await addColumns(session, this.document.uri, token);
        return found && { columns: found.columns.map(({ name }) => name) };
      },
      removeColumns: async ({ path }) => {
        await session.own.remove(path);
        return null;
      },
      savePicture: (picture, token) => savePicture(session, picture, this.document.uri, token),
      copyOverview: async (_, token) => {
        await vscode.env.clipboard.writeText(await session.exports.overview(inspectSettings(), token));
        return null;
      },
      exportNumbers: ({ format, only }) => exportWithDialog(session, format, this.document.uri, only),
    };
  }

  private textHandlers(): Pick<Parameters<typeof handle<ViewRequests>>[1], keyof TextViewRequests> {
    const { session } = this;
    return {
      decoderFacts: async (_, token) => ({
        facts: await session.inEngine.askNumbers('decoderFacts', {}, token),
        choices: this.texts.read(),
      }),
      chooseText: async () => {
        const path = await chooseText(this.document.uri);
        return path === undefined ? null : { path };
      },
      chooseSaved: async () => {
        const { state } = session.modelSaving;
        const paths = await chooseSavedModels(this.document.uri, state?.state === 'done' ? state.target : undefined);
        return paths === undefined ? null : { paths };
      },
      estimateOnText: (params, token) => session.inEngine.askNumbers('estimateOnText', params, token),
      evaluateOnText: async ({ request }) => {
        session.textRun.assertIdle();
        await this.texts.keep(request.tokens);
        this.running(session.textRun.evaluate(request));
        return null;
      },
      calibrateOnText: async ({ tokens }) => {
        session.textRun.assertIdle();
        const target = await askStatisticsTarget(this.document.uri);
        if (target === undefined) return false;
        await this.texts.keep(tokens);
        this.running(session.textRun.calibrate({ tokens, target }));
        return true;
      },
      cancelOnText: () => {
        session.textRun.cancel();
        return null;
      },
    };
  }

  /** How a save or a run ends is told by its state. What keeps it from beginning, in another tab's way, goes to the log. */
  private running(work: Promise<void>): void {
    work.catch((error: unknown) => this.log.warn(`${this.session.path}: ${String(error)}`));
  }

  private async state(): Promise<ViewState> {
    const contents = await this.session.contentsNow();
    const { select } = this;
    this.select = undefined;
    const modelSaving = this.session.modelSaving.state;
    const textRun = this.session.textRun.state;
    return {
      ...{ ...contents, settings: inspectSettings(), columns: this.table.read(), shares: this.table.shares },
      own: this.session.own.kept,
      ...(modelSaving && { modelSaving }),
      ...(textRun && { textRun }),
      ...(select && { select }),
    };
  }

  /** Answers come as notifications; a refusal goes to the log, and the rows stay without numbers. */
  private begin(waitMs: number): void {
    clearTimeout(this.beginning);
    if (!inspectOnOpen()) return;
    this.beginning = setTimeout(() => {
      this.session
        .inspectOnce(exactUpTo())
        .catch((error: unknown) => this.log.error(`${this.session.path}: ${String(error)}`));
    }, waitMs);
  }

  private forwardEvents(): void {
    const { session } = this;
    const stops = [
      session.on('result', (result) => this.outbox.result(result)),
      session.on('quick', (look) => this.outbox.quick(look)),
      session.on('progress', (progress) => this.outbox.progress(progress)),
      session.on('queue', (queue) => this.outbox.queue(queue)),
      session.on('ownNumbers', (params) => void this.send('ownNumbers', params)),
      session.on('saving', (params) => void this.send('saving', params)),
      session.on('modelSaving', (params) => void this.send('modelSaving', params)),
      session.on('textRun', (params) => void this.send('textRun', params)),
      session.on('testing', (params) => void this.send('testing', params)),
      session.on('changed', (params) => void this.send('changed', params)),
      session.on('engine', (params) => void this.send('engine', params)),
    ];
    for (const dispose of stops) this.disposables.push({ dispose });
    this.disposables.push(this.outbox, this.table.tell(this));
  }

  private async send<K extends keyof ViewNotifications>(name: K, params: ViewNotifications[K]): Promise<void> {
    try {
      await this.notify.notify(name, params);
    } catch (error) {
      this.log.debug(`view of ${this.session.path} did not take "${name}": ${String(error)}`);
    }
  }
}
