import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { CheckpointSession } from '../../extension/host/editor/checkpointSession';
import type { Inside } from '../../extension/host/main';
import { inspectSettings, useSettings } from '../../extension/host/settings';
import { planText } from '../../extension/shared/compression/planText';
import type { CompressionPlan } from '../../extension/shared/compression/plans';
import { closeEditors, eigenscope, makeCheckpoint, until, workspaceFolder } from './workspace';

const LAYER = 'blocks.0.fc.weight';

describe('plans from files', () => {
  let api: Inside;
  let restore = (): void => undefined;
  /** Plans that views asked the engine for, and what it answered. */
  let loads: { path: string; plan?: CompressionPlan; problem?: string }[];

  before(async () => {
    api = await eigenscope();
    // The test's bundle has a copy of the settings' module.
    useSettings(vscode.extensions.getExtension('eigenscope.eigenscope')!, console);
  });
  beforeEach(() => {
    loads = [];
    const { engine } = api;
    const request = engine.request.bind(engine);
    engine.request = (async (method: string, params: { path: string }, ...rest: []) => {
      const answer = (request as (...given: unknown[]) => Promise<{ answer: CompressionPlan }>)(
        method,
        params,
        ...rest,
      );
      if (method === 'loadPlan') {
        const load: (typeof loads)[number] = { path: params.path };
        loads.push(load);
        answer.then(
          (reply) => (load.plan = reply.answer),
          (error: unknown) => (load.problem = String(error)),
        );
      }
      return answer;
    }) as typeof engine.request;
    restore = () => (engine.request = request);
  });
  afterEach(async () => {
    restore();
    await vscode.commands.executeCommand('workbench.action.closeQuickOpen');
    await closeEditors();
  });

  /** A checkpoint, and a plan beside it that a person might have written. */
  async function written(name: string): Promise<{ checkpoint: vscode.Uri; plan: vscode.Uri }> {
    const checkpoint = makeCheckpoint(`${name}.safetensors`, { [LAYER]: [64, 48], 'blocks.0.fc.bias': [64] });
    await vscode.commands.executeCommand('eigenscope.inspectWeights', checkpoint);
    const session = await until('a session', () => api.session(checkpoint));
    const { answer } = await session.inEngine.ask('planLayers', {
      settings: inspectSettings(),
      compute: 'nothing',
    });
    await closeEditors();
    await until('its end', () => api.session(checkpoint) === undefined);
    const plan = vscode.Uri.file(path.join(workspaceFolder(), `${name}.eigenplan.json`));
    writeFileSync(
      plan.fsPath,
      planText({
        ...{ version: 1, checkpoint: answer.checkpoint, target: { kind: 'size', value: 0.5 }, allocation: 'uniform' },
        ...{ method: { method: 'svd' }, exclude: [], multiple: 1 },
        layers: { [LAYER]: { method: 'svd', rank: 7 } },
      }),
    );
    return { checkpoint, plan };
  }

  const opened = (checkpoint: vscode.Uri): Promise<CheckpointSession> =>
    until('a session of the checkpoint', () => api.session(checkpoint));
  const loaded = (): Promise<(typeof loads)[number]> =>
    until('an answer about the plan', () =>
      loads.find(({ plan, problem }) => plan !== undefined || problem !== undefined),
    );

  it('open in the checkpoint that they name, which lies beside them', async () => {
    const { checkpoint, plan } = await written('named');
    await vscode.commands.executeCommand('eigenscope.openPlan', plan);
    await opened(checkpoint);
    const load = await loaded();
    assert.equal(load.path, plan.fsPath);
    assert.deepEqual(load.plan?.layers, { [LAYER]: { method: 'svd', rank: 7 } });
  });

  it('open from the active editor, which is saved before', async () => {
    const { plan } = await written('edited');
    const editor = await vscode.window.showTextDocument(plan);
    const { document } = editor;
    const at = document.positionAt(document.getText().indexOf('"rank": 7') + '"rank": '.length);
    await editor.edit((edit) => edit.replace(new vscode.Range(at, at.translate(0, 1)), '9'));
    await vscode.commands.executeCommand('eigenscope.openPlan');
    const load = await loaded();
    assert.deepEqual(load.plan?.layers, { [LAYER]: { method: 'svd', rank: 9 } });
    assert.equal(document.isDirty, false);
  });

  it('are refused for another model', async () => {
    const { plan } = await written('replaced');
    makeCheckpoint('replaced.safetensors', { [LAYER]: [64, 48], 'blocks.0.fc.bias': [64] }, 5);
    await vscode.commands.executeCommand('eigenscope.openPlan', plan);
    assert.match((await loaded()).problem ?? '', /another model/);
  });

  it('run: the model is to be saved by them at once, unless the person gives up', async () => {
    const { checkpoint, plan } = await written('run');
    await vscode.commands.executeCommand('eigenscope.runPlan', plan);
    const session = await opened(checkpoint);
    // The first thing that saving looks at, before it asks for a layout.
    let asked = 0;
    const { modelSaving } = session;
    const assertIdle = modelSaving.assertIdle.bind(modelSaving);
    modelSaving.assertIdle = () => {
      asked += 1;
      assertIdle();
    };
    await loaded();
    await until('the question for which program it is saved', () => asked === 1);
    await vscode.commands.executeCommand('workbench.action.closeQuickOpen');
    assert.equal(modelSaving.state, undefined);
  });

  it('are said to be no JSON before a checkpoint is asked for', async () => {
    const { plan } = await written('broken');
    await vscode.workspace.fs.writeFile(plan, Buffer.from('{ "version": 1, '));
    await assert.rejects(
      async () => vscode.commands.executeCommand('eigenscope.runPlan', plan),
      /broken\.eigenplan\.json is no JSON: /,
    );
  });

  it('need a plan', async () => {
    await assert.rejects(
      async () => vscode.commands.executeCommand('eigenscope.openPlan'),
      /Open a plan first: a file that ends with \.eigenplan\.json/,
    );
  });
});
