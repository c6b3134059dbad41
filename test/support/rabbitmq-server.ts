import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { connect } from 'amqplib'
import { freePort } from './postgres-server.ts'
import { findRabbitMq, rabbitMqEnvironment, rabbitMqIsMissing } from './rabbitmq-program.mjs'

/** For `describe.skipIf`: without a RabbitMQ its tests are skipped, except in CI, where they fail because no server can be made. */
export const skipRabbitMq = findRabbitMq() === undefined && (process.env['CI'] ?? '') === ''
if (skipRabbitMq) console.warn(`Skipped: ${rabbitMqIsMissing}`)

/** A private RabbitMQ on free ports in a temporary folder. The tests own it and may kill it. */
export interface RabbitMqServer {
  readonly port: number
  readonly url: string
  readonly start: () => Promise<void>
  /** As after a crash (SIGKILL). What is durable is there after the next start. */
  readonly kill: () => Promise<void>
  /** `rabbitmqctl`, on this server. */
  readonly control: (...args: readonly string[]) => Promise<void>
  /** Kill, and remove what it left behind. */
  readonly remove: () => Promise<void>
}

const startMsMax = 40_000

/** It does not run yet. */
export async function createRabbitMqServer(): Promise<RabbitMqServer> {
  const program = findRabbitMq()
  if (program === undefined) throw new Error(rabbitMqIsMissing)
  const root = await mkdtemp(join(tmpdir(), 'holdfast-rabbitmq-'))
  const [port, distributionPort, namesPort] = await Promise.all([freePort(), freePort(), freePort()])
  await writeFile(join(root, 'plugins'), '[].')
  const env = rabbitMqEnvironment(root, { port, distributionPort, namesPort })
  const namesServer = spawn('epmd', [], { env, stdio: 'ignore' })
  const url = `amqp://127.0.0.1:${port}`
  let server: ChildProcess | null = null

  const kill = async (): Promise<void> => {
    const child = server
    server = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    // What PATH has is a script, and the server its child.
    process.kill(-child.pid!, 'SIGKILL')
    await ended
  }

  return {
    port,
    url,
    start: async () => {
      const child = spawn(program, [], { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
      server = child
      let said = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)))
      }
      for (const deadline = performance.now() + startMsMax; ;) {
        try {
          const connection = await connect(url)
          await connection.close()
          return
        } catch (error) {
          if (child.exitCode !== null || performance.now() > deadline) {
            await kill()
            throw new Error(`RabbitMQ does not start: ${said}`, { cause: error })
          }
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      }
    },
    kill,
    control: async (...args) => void (await promisify(execFile)(join(dirname(program), 'rabbitmqctl'), args, { cwd: root, env })),
    remove: async () => {
      await kill()
      namesServer.kill()
      await rm(root, { recursive: true, force: true })
    },
  }
}
