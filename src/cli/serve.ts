import type { Command } from 'commander'
import { defaults, readServiceSettings, type ServiceFlags } from '../config.ts'
import type { IdentitySettings } from '../http/identity.ts'
import { nameStore } from '../store/open.ts'
import { Failure } from './failure.ts'
import { openLog } from './log.ts'
import { stopOnSignal } from './stop.ts'

export function addServe(program: Command, version: string): void {
  program
    .command('serve')
    .description('Serve the HTTP API until SIGTERM or SIGINT.')
    .option('--port <port>', `port to listen on, 0 for any free one (HOLDFAST_PORT; default ${defaults.port})`)
    .option('--host <host>', `address to listen on (HOLDFAST_HOST; default ${defaults.host})`)
    .option('--store <url>', `where the facts are kept (HOLDFAST_STORE; default ${defaults.store})`)
    .option('--ledger <url>', 'of a store in Redis: where its sales are kept (HOLDFAST_LEDGER)')
    .option('--active-per-user <n>', 'active reservations that a user may have at once (HOLDFAST_ACTIVE_PER_USER_MAX; default any number)')
    .option('--rate-limit <limit>', 'requests of one client per seconds, for example 600/60 (HOLDFAST_RATE_LIMIT; default off)')
    .option('--dialects <names>', 'older APIs to serve, with commas between, or none (HOLDFAST_DIALECTS; default all)')
    .option('--amqp <url>', 'a RabbitMQ to tell what happened and to take commands from (HOLDFAST_AMQP; default none)')
    .option('--no-worker', 'leave expiry, webhooks and the broker to holdfast worker (HOLDFAST_WORKER=off)')
    .action((flags: ServiceFlags) => serve(flags, version))
}

async function serve(flags: ServiceFlags, version: string): Promise<void> {
  const settings = readServiceSettings(flags)
  // Loaded here, so that the other commands do not wait for the web framework.
  const [http, log] = await Promise.all([import('../http/serve.ts'), openLog()])
  const starting = http.serve({ ...settings, version, log, report: log.fault, warn: log.warn })
  const stop = stopOnSignal(async () => (await starting).close(), log)
  try {
    const { address } = await starting
    for (const warning of warningsOf(settings.identity)) log.warn(warning)
    const store = nameStore(settings.storeUrl, settings.ledgerUrl)
    log.info('ready', { address, store, version, node: process.version, pid: process.pid })
    process.stdout.write(`Holdfast answers at ${address} (store ${store})\n`)
  } catch (error) {
    stop.uninstall()
    throw startFailure(error, settings)
  }
}

/** A guess per microsecond, for a hundred years. */
const secretLengthMin = 16

function warningsOf({ keys, tokens }: IdentitySettings): string[] {
  if (keys.length === 0 && tokens === null) return ['No API keys are configured: everybody on this machine may do everything.']
  const short = keys.filter(({ secret }) => secret.length < secretLengthMin).map(({ name }) => `The secret of the API key "${name}"`)
  if (tokens?.secret !== undefined && tokens.secret.length < 2 * secretLengthMin) short.push('HOLDFAST_JWT_SECRET')
  const warnings = short.map((what) => `${what} is short enough to be guessed; use 32 random characters.`)
  if (!keys.some(({ scope }) => scope === 'admin')) warnings.push('No API key has the scope admin, so nobody can make products over HTTP.')
  return warnings
}

export function startFailure(error: unknown, { host, port }: { readonly host: string; readonly port: number | null }): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'EADDRINUSE':
      return new Failure(`Port ${port} of ${host} is in use by another process. Stop it, or choose another port with --port.`, error)
    case 'EACCES':
      return new Failure(`This user may not listen on port ${port}. Choose one above 1023 with --port.`, error)
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Failure(`${host} is not an address of this machine. Choose one with --host, for example ${defaults.host}.`, error)
    default:
      // A plain error is a sentence for whoever starts the service; anything else that has no code is a bug and keeps its stack.
      return error instanceof Error && error.name === 'Error' && code === undefined ? new Failure(error.message, error) : error
  }
}
