/** Typed calls over a channel of two functions, as between a webview and its host. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { CancellationTokenSource, createMessageConnection, type MessageConnection } from 'vscode-jsonrpc/node';
import { CheckpointError } from '../../../extension/checkpoint/checkpointError';
import { messageTransport, ownRequests, type PostMessageChannel } from '../../../extension/shared/messageTransport';
import { caller, notifier, onNotification, problemOf } from '../../../extension/shared/rpc';
import { handle } from '../../../extension/shared/rpcHandlers';

interface Requests {
  double: { params: { values: Float64Array }; result: Float64Array };
  nothing: { params: null; result: null };
  fail: { params: { how: 'at once' | 'checkpoint' | 'later' }; result: null };
  wait: { params: null; result: string };
}

interface Notifications {
  progress: { fraction: number };
}

/** Both ends of a channel that carries copies, in a later turn, as postMessage does. */
function channelPair(): [PostMessageChannel, PostMessageChannel] {
  const wires = [new EventEmitter(), new EventEmitter()] as const;
  const end = (from: EventEmitter, to: EventEmitter): PostMessageChannel => ({
    post: (message) => {
      const copy: unknown = structuredClone(message);
      setImmediate(() => to.emit('message', copy));
    },
    listen: (receive) => {
      from.on('message', receive);
      return { dispose: () => from.off('message', receive) };
    },
  });
  return [end(wires[0], wires[1]), end(wires[1], wires[0])];
}

function connected(channel: PostMessageChannel): MessageConnection {
  const { reader, writer } = messageTransport(channel);
  return createMessageConnection(reader, writer);
}

describe('rpc', () => {
  let view: MessageConnection;
  let host: MessageConnection;

  beforeEach(() => {
    const [left, right] = channelPair();
    view = connected(ownRequests(left, 'page'));
    host = connected(right);
    handle<Requests>(host, {
      double: ({ values }) => values.map((value) => 2 * value),
      nothing: (params) => {
        assert.equal(params, null);
        return null;
      },
      fail: ({ how }) => {
        if (how === 'checkpoint') throw new CheckpointError('truncated', 'ends early', { file: 'a.pt', offset: 7 });
        if (how === 'later') return Promise.reject(new Error('later'));
        throw new Error('at once');
      },
      wait: (_, token) =>
        new Promise((_resolve, reject) => {
          const giveUp = (): void => reject(new DOMException('given up', 'AbortError'));
          if (token.isCancellationRequested) giveUp();
          token.onCancellationRequested(giveUp);
        }),
    });
    view.listen();
    host.listen();
  });
  afterEach(() => {
    view.dispose();
    host.dispose();
  });

  it('carries typed arrays as they are', async () => {
    const doubled = await caller<Requests>(view).request('double', { values: Float64Array.of(0.5, NaN, -3) });
    assert.ok(doubled instanceof Float64Array);
    assert.deepEqual([...doubled], [1, NaN, -6]);
  });

  it('passes null parameters as null', async () => {
    assert.equal(await caller<Requests>(view).request('nothing', null), null);
  });

  it('answers a handler that throws with the problem: code, file and place', async () => {
    const failing = caller<Requests>(view).request('fail', { how: 'checkpoint' });
    const error = await failing.then(
      () => assert.fail('it did not fail'),
      (reason: unknown) => reason,
    );
    const expected = {
      code: 'truncated',
      message: 'a.pt, byte 7: ends early; fetch it again',
      file: 'a.pt',
      offset: 7,
    };
    assert.deepEqual(problemOf(error), expected);
  });

  it('answers errors thrown at once and later with their own message', async () => {
    const calls = caller<Requests>(view);
    await assert.rejects(calls.request('fail', { how: 'at once' }), { message: 'at once' });
    await assert.rejects(calls.request('fail', { how: 'later' }), { message: 'later' });
  });

  it('lets a request be cancelled', async () => {
    const source = new CancellationTokenSource();
    const waiting = caller<Requests>(view).request('wait', null, source.token);
    setImmediate(() => source.cancel());
    const error = await waiting.then(
      () => assert.fail('it was not cancelled'),
      (reason: unknown) => reason,
    );
    assert.equal(problemOf(error).code, 'cancelled');
  });

  it('rejects what is pending when the connection ends', async () => {
    const waiting = caller<Requests>(view).request('wait', null);
    setImmediate(() => view.dispose());
    await assert.rejects(waiting);
  });

  it('passes notifications on until told to stop', async () => {
    const heard: number[] = [];
    const listening = onNotification<Notifications>(view, { progress: ({ fraction }) => heard.push(fraction) });
    const toView = notifier<Notifications>(host);
    await toView.notify('progress', { fraction: 0.25 });
    await caller<Requests>(view).request('nothing', null);
    listening.dispose();
    await toView.notify('progress', { fraction: 0.5 });
    await caller<Requests>(view).request('nothing', null);
    assert.deepEqual(heard, [0.25]);
  });

  it('does not take an answer to an earlier page for its own', async () => {
    const [near, far] = channelPair();
    const page = connected(ownRequests(near, 'second'));
    page.listen();
    const asked = caller<Requests>(page).request('wait', null);
    // Both pages number their requests from 0.
    const answers = ['first', 'second'].map((name) => ({ jsonrpc: '2.0', id: `${name}/0`, result: `for the ${name}` }));
    for (const answer of answers) void far.post(answer);
    assert.equal(await asked, 'for the second');
    page.dispose();
  });
});
