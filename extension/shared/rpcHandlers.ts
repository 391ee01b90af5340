/**
 * Answers typed requests (see `rpc.ts`). A handler that throws always answers with an error, and the error carries a
 * `Problem` a person can read.
 */
import { ErrorCodes, ResponseError } from 'vscode-jsonrpc';
import type { CancellationToken, Disposable, MessageConnection } from 'vscode-jsonrpc';
import { allOf, namesOf, problemOf, type Handlers, type ParamsOf } from './rpc';
import type { Problem } from './tensors';

/** Answer to a request that was cancelled, as the Language Server Protocol numbers it (`RequestCancelled`). */
const REQUEST_CANCELLED = -32800;

/** Answers every request of `R`; disposing the result stops answering. */
export function handle<R>(connection: MessageConnection, handlers: Handlers<R>): Disposable {
  const registrations = namesOf(handlers).map((method) => {
    const handler = handlers[method];
    return connection.onRequest(method, async (params: ParamsOf<R, typeof method>, token: CancellationToken) => {
      try {
        return await handler(params, token);
      } catch (error) {
        throw responseError(error);
      }
    });
  });
  return allOf(registrations);
}

function responseError(error: unknown): ResponseError<Problem> {
  const problem = problemOf(error);
  const code = problem.code === 'cancelled' ? REQUEST_CANCELLED : ErrorCodes.InternalError;
  return new ResponseError(code, problem.message, problem);
}
