/** What is said above a plan of layers that nobody has inspected yet. */
import { l10n } from '../../extension/shared/language/l10n';
import { formatCount } from '../numbers/format';

/**
 * @param missing layers that stay dense until they are inspected
 * @param unread layers that are compressed although nothing has read their values
 * @param queue of the inspection that runs; null if none does
 * @returns '' if there is nothing to say
 */
export function uninspectedText(
  { missing, unread }: { readonly missing: number; readonly unread: number },
  queue: { readonly done: number; readonly total: number } | null,
): string {
  if (queue) {
    return l10n.t(
      '{0} of {1} layers are inspected; the plan grows with them.',
      formatCount(queue.done),
      formatCount(queue.total),
    );
  }
  const said = [
    ...(missing > 0
      ? [
          l10n.many(
            missing,
            '1 layer is not inspected yet and stays dense until then.',
            '{0} layers are not inspected yet and stay dense until then.',
            formatCount(missing),
          ),
        ]
      : []),
    ...(unread > 0
      ? [
          l10n.many(
            unread,
            '1 compressed layer was not inspected: saving stops if it holds NaN or infinity.',
            '{0} compressed layers were not inspected: saving stops if one holds NaN or infinity.',
            formatCount(unread),
          ),
        ]
      : []),
  ];
  return said.join(' ');
}
