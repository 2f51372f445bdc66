import type { RouteHandlerMethod } from 'fastify'
import { SCHEMA_NAMES, schemaOfFile, schemaText } from '../runtime/published-schemas.ts'

/** The schemas of what leaves, read once; an unknown name gets 404 and the list. */
export function schemasRoute(): RouteHandlerMethod {
  const texts = new Map(SCHEMA_NAMES.map((name) => [name, schemaText(name)]))
  return (request, reply) => {
    const { file } = request.params as { file: string }
    return reply.type('application/schema+json').send(texts.get(schemaOfFile(file)))
  }
}
