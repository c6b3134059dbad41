import type { Client, PoolConfig } from 'pg'
import { loadDriver, poolConfig, readUrl, sayGoodbye, type Driver, type PostgresUrl } from './connect.ts'
import { openingFault } from './errors.ts'
import { checkServer } from './inspect.ts'
import { isUpToDate, migrate, schemaVersion } from './migrate.ts'
import { refusePoolerWithoutPrepared } from './pooler.ts'

/** Bring the schema up to date without opening the store. Throws `cannot_open` like `postgresStore`. */
export async function migratePostgres(text: string): Promise<{ readonly migrationsRun: number; readonly version: number }> {
  const url = readUrl(text)
  const driver = await loadDriver()
  const config = poolConfig(driver, url, { connectionsMax: 1, connectMsMax: 5_000, answerMsMax: 10_000 })
  return { migrationsRun: await prepareDatabase(driver, config, url, (message) => process.emitWarning(message)), version: schemaVersion }
}

/** A large table takes its time to be changed. */
const migrateMsMax = 60 * 60_000

/** Look at the server, and bring the schema up to date. */
export async function prepareDatabase(
  driver: Driver,
  config: PoolConfig,
  url: PostgresUrl,
  warn: (message: string) => void,
): Promise<number> {
  const open = async <Answer>(work: (client: Client) => Promise<Answer>, answerMsMax = config.query_timeout): Promise<Answer> => {
    const client = new driver.Client({ ...config, query_timeout: answerMsMax, pipeline: false })
    client.on('error', () => {})
    try {
      await client.connect()
      return await work(client)
    } finally {
      await sayGoodbye(client)
    }
  }
  try {
    const isReady = await open(async (client) => {
      if (url.prepared) await refusePoolerWithoutPrepared(client, open, url.where)
      await checkServer(client, warn)
      return isUpToDate(client, url.schema)
    })
    return isReady ? 0 : await open((client) => migrate(client, url.schema), migrateMsMax)
  } catch (error) {
    throw openingFault(error, url.where, url.database)
  }
}
