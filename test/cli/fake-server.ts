import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A path's answer: `{ status, body }`, or a value that is sent as JSON with status 200. */
export type Answers = Record<string, unknown>

/** A stand-in for a running server: answers by path, and remembers what it was asked. */
export interface FakeServer extends AsyncDisposable {
  readonly url: string
  readonly asked: string[]
  answers: Answers
}

export async function fakeServer(answers: Answers): Promise<FakeServer> {
  const server = createServer((request, response) => {
    const target = request.url ?? ''
    fake.asked.push(target)
    const answer = fake.answers[target.replace(/\?.*/, '')] as
      | { readonly status?: number; readonly body?: unknown }
      | undefined
    const status = answer === undefined ? 404 : (answer.status ?? 200)
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
    response.end(JSON.stringify(answer?.status === undefined ? (answer ?? {}) : answer.body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const fake: FakeServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    answers,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close').catch(() => undefined)
    },
  }
  return fake
}
