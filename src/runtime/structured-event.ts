import type { CloudEvent } from '../model/usage-event.ts'

/**
 * An event in CloudEvents' structured JSON mode (JSON event format 1.0): one line, the same bytes for
 * the same event always.
 */
export function structuredEvent(event: CloudEvent): string {
  const { data, ...attributes } = event
  const envelope = JSON.stringify({ specversion: '1.0', ...attributes })
  return `${envelope.slice(0, -1)},"data":${data}}`
}
