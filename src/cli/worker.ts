import type { Command } from 'commander'
import { defaults, readWorkerSettings, type WorkerFlags } from '../config.ts'
import { nameStore } from '../store/open.ts'
import { version } from '../version.ts'
import { openLog } from './log.ts'
import { startFailure } from './serve.ts'
import { stopOnSignal } from './stop.ts'

export function addWorker(program: Command): void {
  program
    .command('worker')
    .description(
      'Expire reservations and tell webhooks and the broker what happened, apart from serve --no-worker, until SIGTERM or SIGINT.',
    )
    .option('--store <url>', `where the facts are kept (HOLDFAST_STORE; default ${defaults.store})`)
    .option('--ledger <url>', 'of a store in Redis: where its sales are kept (HOLDFAST_LEDGER)')
    .option('--amqp <url>', 'a RabbitMQ to tell what happened and to take commands from (HOLDFAST_AMQP; default none)')
    .option('--port <port>', 'port for /livez, /readyz and /metrics, 0 for any free one (HOLDFAST_WORKER_PORT; default none)')
    .option('--host <host>', `address of that port (HOLDFAST_HOST; default ${defaults.host})`)
    .action((flags: WorkerFlags) => work(flags))
}

async function work(flags: WorkerFlags): Promise<void> {
  const settings = readWorkerSettings(flags)
  // Loaded here, so that the other commands do not wait for the web framework.
  const [http, log] = await Promise.all([import('../http/serve.ts'), openLog()])
  const starting = http.serve({ ...settings, isShop: false, version, log, report: log.fault, warn: log.warn })
  const stop = stopOnSignal(async () => (await starting).close(), log)
  // Where nobody is listened to, nothing else keeps up a process that only waits for what happens elsewhere.
  const staying = setInterval(() => {}, 2 ** 30)
  try {
    const { address } = await starting
    const store = nameStore(settings.storeUrl, settings.ledgerUrl)
    log.info('ready', { address, store, version, node: process.version, pid: process.pid })
    process.stdout.write(`Holdfast works on ${store}${address === '' ? '' : `, and says how it is at ${address}`}\n`)
  } catch (error) {
    clearInterval(staying)
    stop.uninstall()
    throw startFailure(error, settings)
  }
}
