import { sidecarIdentifier } from './als-sender.ts'
import { tcpMessage } from './entry-writer.ts'

const PLACE = '######'

/**
 * A message with the identifier of an invented sidecar of namespace `flood`, by number: one buffer, with
 * other digits each time, since a flood makes a hundred thousand of them.
 */
export function inventedSidecars(): (number: number) => Buffer {
  const message = tcpMessage([], sidecarIdentifier('flood', `w${PLACE}`))
  const places: number[] = []
  for (let at = message.indexOf(PLACE); at >= 0; at = message.indexOf(PLACE, at + 1)) {
    places.push(at)
  }
  return (number) => {
    const digits = String(number).padStart(PLACE.length, '0')
    for (const at of places) message.write(digits, at, 'latin1')
    return message
  }
}
