import type { Client } from 'pg'
import { Fault } from '../../domain/faults.ts'
import { isWithoutPrepared } from './errors.ts'

/** Work on a connection of its own. */
type WithAnother = (work: (client: Client) => Promise<void>) => Promise<void>

/** A pooler that has no second connection to give makes this wait for the first. */
const probeMsMax = 1_000

/**
 * Refuse a pooler that gives each transaction any connection, without the statements that its client prepared: they would be missing there, or be those of somebody else.
 * While another client holds the connection on which a statement was prepared, it must be there all the same.
 */
export async function refusePoolerWithoutPrepared(client: Client, withAnother: WithAnother, where: string): Promise<void> {
  const probe = async (): Promise<number> => {
    const { rows } = await client.query<{ pid: number }>({ name: 'holdfast_probe', text: 'select pg_backend_pid() as pid' })
    return Number(rows[0]?.pid)
  }
  try {
    // A server tells the number of its process; a pooler tells one that it made up.
    if ((await probe()) === (client as Client & { processID?: unknown }).processID) return
    await withAnother(async (other) => {
      await other.query('begin')
      await other.query('select')
      const timer = setTimeout(() => void other.query('rollback').catch(() => {}), probeMsMax)
      await probe().finally(() => clearTimeout(timer))
    })
  } catch (error) {
    if (!isWithoutPrepared(error)) throw error
    throw new Fault(
      'cannot_open',
      `At ${where} is a pooler that keeps no prepared statements. Add prepared=off to the URL, or use PgBouncer 1.21 or newer with max_prepared_statements above 0.`,
      error,
    )
  }
}
