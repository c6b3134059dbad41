import { spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from 'amqplib'
import { findRabbitMq, rabbitMqEnvironment, rabbitMqIsMissing } from '../../test/support/rabbitmq-program.mjs'
import { freePort } from './processes.mjs'

const startMsMax = 60_000
const pollMs = 50

/**
 * A private RabbitMQ on a free port, with the settings it has by default and no plugins. It is in the folder, and ends with this process.
 *
 * @param {string} folder
 */
export async function startRabbitMqServer(folder) {
  const program = findRabbitMq()
  if (program === undefined) throw new Error(rabbitMqIsMissing)
  const home = mkdtempSync(join(folder, 'rabbitmq-'))
  writeFileSync(join(home, 'plugins'), '[].')
  const [port, distributionPort, namesPort] = [await freePort(), await freePort(), await freePort()]
  const env = rabbitMqEnvironment(home, { port, distributionPort, namesPort })
  const namesServer = spawn('epmd', [], { env, stdio: 'ignore' })
  const child = spawn(program, [], { cwd: home, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said = (said + text).slice(-4_000)))
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const kill = () => {
    // What is started is a script, and the server its child.
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL')
    namesServer.kill('SIGKILL')
  }
  // Before the folder is removed.
  process.prependOnceListener('exit', kill)
  const stop = async () => {
    kill()
    await ended
    process.off('exit', kill)
  }
  const url = `amqp://127.0.0.1:${port}`
  for (const deadline = performance.now() + startMsMax; ;) {
    try {
      const connection = await connect(url)
      const { version } = connection.connection.serverProperties
      await connection.close()
      return { url, version, stop }
    } catch (error) {
      if (child.exitCode !== null || performance.now() > deadline) {
        await stop()
        throw new Error(`RabbitMQ does not start: ${said}`, { cause: error })
      }
      await delay(pollMs)
    }
  }
}
