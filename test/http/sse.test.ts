import { connect, type AddressInfo } from 'node:net'
import Fastify, { type FastifyReply } from 'fastify'
import { expect, it, onTestFinished } from 'vitest'
import { createEventStreams, type EventStream, type EventStreams } from '../../src/http/sse.ts'

interface Stage {
  readonly streams: EventStreams
  /** Of those whose requests came. */
  readonly replies: readonly FastifyReply[]
  readonly opened: readonly (EventStream | null)[]
  readonly ask: () => ReturnType<typeof connect>
  readonly close: () => Promise<void>
}

/** Streams that are opened once `isReady` resolves. */
async function startStreams(isReady: Promise<void> = Promise.resolve()): Promise<Stage> {
  const app = Fastify()
  const streams = createEventStreams(app, { streamsMax: 10 })
  const replies: FastifyReply[] = []
  const opened: (EventStream | null)[] = []
  app.get('/', async (_request, reply) => {
    replies.push(reply)
    await isReady
    opened.push(streams.open(reply))
    return reply
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(() => app.close())
  const { port } = app.server.address() as AddressInfo
  const ask = () => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: shop\r\n\r\n'))
    onTestFinished(() => void socket.destroy())
    return socket.on('error', () => {})
  }
  return { streams, replies, opened, ask, close: () => app.close() }
}

it('keeps nothing of a client that went before its stream was open', async () => {
  let ready = (): void => {}
  const { streams, replies, opened, ask } = await startStreams(new Promise((resolve) => (ready = resolve)))
  const socket = ask()
  await expect.poll(() => replies.length).toBe(1)
  socket.resetAndDestroy()
  await expect.poll(() => replies[0]!.raw.closed).toBe(true)
  ready()
  await expect.poll(() => opened).toEqual([null])
  expect(streams.count).toBe(0)
})

it('keeps no listeners of a client that is slow again and again', async () => {
  const { replies, opened, ask } = await startStreams()
  ask().resume()
  await expect.poll(() => opened.length).toBe(1)
  const { raw } = replies[0]!
  const before = raw.listenerCount('close')
  for (let turn = 0; turn < 20; turn++) {
    opened[0]!.send('x'.repeat(1_000_000))
    await opened[0]!.drained()
  }
  expect(raw.listenerCount('close')).toBe(before)
  expect(raw.listenerCount('drain')).toBeLessThan(2)
})

it('ends what is opened while the service stops', async () => {
  let ready = (): void => {}
  const { replies, opened, ask, close } = await startStreams(new Promise((resolve) => (ready = resolve)))
  const socket = ask().resume()
  await expect.poll(() => replies.length).toBe(1)
  const closed = close()
  await new Promise((resolve) => void setTimeout(resolve, 50))
  ready()
  await expect.poll(() => opened.length).toBe(1)
  await new Promise((resolve) => void socket.once('close', resolve))
  await closed
})
