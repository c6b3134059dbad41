import type { Command } from 'commander'
import { defaults, readKeep, readWebhookSettings, readWorkerSettings, type WorkerFlags } from '../config.ts'
import { createHoldfast } from '../engine/holdfast.ts'
import { openWebhooks } from '../events/webhooks/webhooks.ts'
import { startWorker } from '../events/worker.ts'
import { nameStore, openStore } from '../store/open.ts'
import { version } from '../version.ts'
import { openLog } from './log.ts'
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
    .action((flags: WorkerFlags) => work(flags))
}

async function work(flags: WorkerFlags): Promise<void> {
  const settings = readWorkerSettings(flags)
  const keep = readKeep()
  const webhookSettings = readWebhookSettings()
  // Loaded here, so that the other commands do not wait for it.
  const [log, { createTraces }] = await Promise.all([openLog(), import('../operation/traces.ts')])
  const report = log.fault
  const store = await openStore(settings.storeUrl, { ledger: settings.ledgerUrl, warn: log.warn })
  const shop = createHoldfast({ store, keep })
  // Nothing else keeps a process up that only waits for what happens elsewhere.
  const staying = setInterval(() => {}, 2 ** 30)
  try {
    const webhooks = openWebhooks({ shop, store, ...webhookSettings, report })
    const worker = await startWorker({
      shop,
      store,
      webhooks,
      amqp: settings.amqp,
      trace: createTraces(version)?.consumer,
      report,
      warn: log.warn,
    })
    stopOnSignal(async () => {
      await worker.close()
      await webhooks?.close()
      await shop.close()
    }, log)
    const name = nameStore(settings.storeUrl, settings.ledgerUrl)
    log.info('ready', { store: name, version, node: process.version, pid: process.pid })
    process.stdout.write(`Holdfast works on ${name}\n`)
  } catch (error) {
    clearInterval(staying)
    await shop.close()
    throw error
  }
}
