/** Answers about an open checkpoint carry whose they are: the host refuses another's. */
import type { DocumentRequests, DocumentStamp, EngineRequests } from '../protocol';
import type { Handlers } from '../shared/rpc';

type Name = keyof DocumentRequests;
type StampedHandlers = Pick<Handlers<EngineRequests>, Name>;

/** @param stampOf the stamp of an open document; throws where it is not open */
export function stampedHandlers(
  handlers: Handlers<DocumentRequests>,
  stampOf: (document: string) => DocumentStamp,
): StampedHandlers {
  const stamped = (Object.keys(handlers) as Name[]).map((name) => {
    const handler = handlers[name] as (...given: unknown[]) => unknown;
    const answer = async (params: { document: string }, ...rest: unknown[]): Promise<unknown> => {
      // Taken before the work: it may be closed by its end.
      const about = stampOf(params.document);
      return { about, answer: await handler(params, ...rest) };
    };
    return [name, answer];
  });
  return Object.fromEntries(stamped) as StampedHandlers;
}
